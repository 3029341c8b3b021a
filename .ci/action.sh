#!/usr/bin/env bash
# What action.yml runs: judges a server with the inputs of the action, given as variables, and writes its outputs.
set -euo pipefail

temporary="${RUNNER_TEMP:-$(mktemp -d)}"

# The binary: one that is there already, or built from this repository.
if ! command -v mcp-conform >/dev/null; then
  cargo install --locked --quiet --path "${GITHUB_ACTION_PATH:?}" --root "$temporary/mcp-conform"
  PATH="$temporary/mcp-conform/bin:$PATH"
fi

json="${INPUT_JSON:-$temporary/mcp-conform.json}"
options=(--json "$json")
report() { printenv "INPUT_$(echo "$1" | tr '[:lower:]' '[:upper:]')" || true; }
for kind in junit html sarif markdown tap; do
  if [ -n "$(report "$kind")" ]; then options+=("--$kind" "$(report "$kind")"); fi
done
if [ -n "${INPUT_PROFILE:-}" ]; then options+=(--profile "$INPUT_PROFILE"); fi
if [ -n "${INPUT_BASELINE:-}" ]; then options+=(--baseline "$INPUT_BASELINE"); fi
if [ -n "${INPUT_SNAPSHOT:-}" ]; then options+=(--snapshot "$INPUT_SNAPSHOT"); fi
if [ -n "${INPUT_SHARD:-}" ]; then options+=(--shard "$INPUT_SHARD"); fi

# The author of the workflow writes these two as in a shell.
eval "more=(${INPUT_ARGS:-})"
eval "command=(${INPUT_COMMAND:-})"
# Old shells take an empty list for an unset variable.
options+=(${more[@]+"${more[@]}"})
start=()
if [ "${#command[@]}" -gt 0 ]; then start=(-- "${command[@]}"); fi

code=0
if [ -n "${INPUT_CONFIG:-}" ]; then
  mcp-conform config "${options[@]}" "$INPUT_CONFIG" || code=$?
elif [ -n "${INPUT_URL:-}" ]; then
  mcp-conform http "${options[@]}" "$INPUT_URL" ${start[@]+"${start[@]}"} || code=$?
elif [ "${#start[@]}" -gt 0 ]; then
  mcp-conform stdio "${options[@]}" "${start[@]}" || code=$?
else
  echo 'mcp-conform: give one of the inputs command, url or config' >&2
  exit 2
fi

# The counts stand one per line under "summary".
count() { sed -n '/^  "summary": {/,/^  }/s/^    "'"$1"'": \([0-9]*\),\{0,1\}$/\1/p' "$json" 2>/dev/null || true; }
{
  echo "exit-code=$code"
  echo "json=$json"
  for kind in junit html sarif markdown tap; do
    echo "$kind=$(report "$kind")"
  done
  for verdict in pass fail warn known not_observed not_applicable blocked error; do
    echo "$(echo "$verdict" | tr _ -)=$(count "$verdict")"
  done
} >>"${GITHUB_OUTPUT:-/dev/stdout}"

# Violations may be told without failing the job; everything else fails it.
if [ "$code" -eq 1 ] && [ "${INPUT_FAIL:-true}" = false ]; then code=0; fi
exit "$code"
