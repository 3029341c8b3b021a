(() => {
  "use strict";
  const all = (selector) => [...document.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const chips = all(".chip");
  const items = all("[data-verdict]").map((node) => ({
    node,
    verdicts: node.dataset.verdict.split(" "),
    level: node.dataset.level,
    area: node.dataset.area,
    isRow: node.tagName === "TR",
    text: null,
  }));
  const sections = ["findings", "fuzz", "snapshots", "checks"].map(byId).filter(Boolean);
  const runs = all("#checks thead th").slice(2).map((cell) => cell.textContent);

  const read = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    const list = (name) => (asked.get(name) || "").split(" ").filter(Boolean);
    return {
      q: asked.get("q") || "", verdict: list("verdict"), level: list("level"),
      area: asked.get("area"), run: asked.get("run"),
    };
  };

  const write = (state) => {
    const wanted = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) {
      const text = Array.isArray(value) ? value.join(" ") : value;
      if (text) wanted.set(name, text);
    }
    location.replace("#" + wanted);
  };

  const fits = (item, state) => {
    const run = state.run === null || !item.isRow ? null : Number(state.run);
    const verdicts = run === null ? item.verdicts : [item.verdicts[run]];
    if (run !== null && verdicts[0] === "none") return false;
    if (state.verdict.length && !verdicts.some((one) => state.verdict.includes(one))) return false;
    if (state.level.length && !state.level.includes(item.level)) return false;
    if (state.area !== null && state.area !== item.area) return false;
    if (run === null && state.run !== null && !item.node.textContent.includes(runs[state.run])) return false;
    if (!state.q) return true;
    item.text ??= item.node.textContent.toLowerCase();
    return state.q.toLowerCase().split(/\s+/).every((word) => item.text.includes(word));
  };

  const apply = () => {
    const state = read();
    let shown = 0, rows = 0;
    for (const item of items) {
      const visible = fits(item, state);
      item.node.hidden = !visible;
      if (item.isRow) { rows += 1; shown += visible ? 1 : 0; }
    }
    for (const section of sections) section.hidden = !section.querySelector("[data-verdict]:not([hidden])");
    for (const chip of chips) {
      chip.setAttribute("aria-pressed", String(state[chip.dataset.kind].includes(chip.dataset.value)));
    }
    if (byId("q").value !== state.q) byId("q").value = state.q;
    const within = [state.area, state.run === null ? null : runs[state.run]].filter((part) => part != null);
    byId("shown").textContent = `${shown} of ${rows} checks`;
    byId("within").textContent = within.length ? `in ${within.join(", ")}` : "";
    byId("reset").hidden = location.hash.length < 2;
  };

  const toggle = (chip) => {
    const state = read();
    const list = state[chip.dataset.kind];
    const at = list.indexOf(chip.dataset.value);
    if (at < 0) list.push(chip.dataset.value); else list.splice(at, 1);
    write(state);
  };

  const copy = async (button) => {
    const code = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "selected";
    }
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest("#overview a")) setTimeout(() => byId("filter").scrollIntoView(), 0);
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".chip")) toggle(button);
    if (button.matches(".copy")) copy(button);
    if (button.matches("#reset")) location.replace("#");
  });
  byId("q").addEventListener("input", (event) => write({ ...read(), q: event.target.value }));
  window.addEventListener("hashchange", apply);
  for (const node of all("#filter, .copy")) node.hidden = false;
  apply();
})();
