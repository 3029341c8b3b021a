#!/usr/bin/env bash
# Runs the official conformance suite and mcp-conform against the official suite's own server, and prints for each revision how many
# checks were judged, how long it took, and the ratio of checks per second. There a check is written down each time that something is
# looked at; here what was seen of one requirement is one check that counts its observations, so that their ratio is printed, too.
#
#   benches/compare.sh SUITE [OUT]
#
# SUITE is a checkout of modelcontextprotocol/conformance, built (`npm ci && npm run build`), with its server installed (`npm ci` in
# examples/servers/typescript). OUT keeps the results (default: target/official). NODE and MCP_CONFORM name other programs.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
suite=$(cd "${1:?usage: benches/compare.sh SUITE [OUT]}" && pwd)
out=${2:-$here/target/official}
node=${NODE:-node}
conform=${MCP_CONFORM:-$here/target/release/mcp-conform}
port=$("$node" -p 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close() }); ""' | tr -d '[:space:]')
url=http://localhost:$port/mcp
rm -rf "$out"
mkdir -p "$out"

(cd "$suite/examples/servers/typescript" && PORT=$port exec "$node" --import tsx everything-server.ts) > "$out/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2> /dev/null || true' EXIT
until grep -q 'running on' "$out/server.log"; do sleep 0.2; done

# A run of the official suite; a failure among its checks is no failure of ours.
official() {
  local folder=$1
  shift
  "$node" "$suite/dist/index.js" server --url "$url" --suite all -o "$folder" "$@" > "$folder.log" 2>&1 || true
}

now() { date +%s%N; }

printf '%-12s %12s %9s %9s %9s %9s %9s %7s %9s %9s %7s\n' \
  revision 'checks there' seconds 'a second' 'here' seconds 'a second' ratio observed 'a second' ratio
for revision in 2025-06-18 2025-11-25 2026-07-28; do
  began=$(now)
  official "$out/$revision" --spec-version "$revision"
  between=$(now)
  "$conform" http --quiet --revision "$revision" --fuzz-cases 0 --json "$out/$revision.json" "$url" > /dev/null 2>&1 || true
  ended=$(now)
  "$node" - "$out" "$revision" $(((between - began) / 1000000)) $(((ended - between) / 1000000)) << 'JS'
const fs = require('fs');
const [out, revision, there, here] = process.argv.slice(2);
const read = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));
const folder = `${out}/${revision}`;
const theirs = fs.readdirSync(folder).flatMap((name) => read(`${folder}/${name}/checks.json`));
const judged = theirs.filter((check) => ['SUCCESS', 'FAILURE', 'WARNING'].includes(check.status)).length;
const report = read(`${out}/${revision}.json`);
const ours = report.coverage.judged;
const seen = report.runs.flatMap((run) => run.checks).filter((check) => ['pass', 'fail', 'warn'].includes(check.verdict));
const observed = seen.reduce((sum, check) => sum + check.observations, 0);
const rate = (checks, ms) => checks / (ms / 1000);
const ratio = (mine) => (rate(mine, here) / rate(judged, there)).toFixed(1);
const columns = [[revision, -12], [judged, 12], [(there / 1000).toFixed(2), 9], [rate(judged, there).toFixed(0), 9]];
columns.push([ours, 9], [(here / 1000).toFixed(2), 9], [rate(ours, here).toFixed(0), 9], [ratio(ours), 7]);
columns.push([observed, 9], [rate(observed, here).toFixed(0), 9], [ratio(observed), 7]);
console.log(columns.map(([text, width]) => (width < 0 ? `${text}`.padEnd(-width) : `${text}`.padStart(width))).join(' '));
JS
done
# Scenarios of extensions belong to no revision.
official "$out/extensions"
echo "results: $out"
