"""The look of the demo, and the little script that links the question's words to those of the passages."""

from __future__ import annotations

# Colours are named here once. The student is amber and the teacher blue, as in the figure of the README; transport is green.
_COLOURS = """
:root, .light {
  --op-ink: #1c1917; --op-soft: #57534e; --op-line: #e0dcd7; --op-card: #ffffff; --op-wash: #f5f3f0;
  --op-accent: #0f766e; --op-on-accent: #ffffff; --op-focus: #0f766e;
  --op-student: #b45309; --op-teacher: #1d4ed8; --op-plan: #15803d;
  --op-mark: 245 158 11; --op-mark-line: #b45309; --op-lit: #92400e; --op-on-lit: #ffffff;
  --op-good: #166534; --op-good-wash: #e7f6ec;
}
.dark {
  --op-ink: #f5f5f4; --op-soft: #c4bfb9; --op-line: #3f3a36; --op-card: #1c1917; --op-wash: #262220;
  --op-accent: #2dd4bf; --op-on-accent: #08211e; --op-focus: #5eead4;
  --op-student: #fbbf24; --op-teacher: #93c5fd; --op-plan: #86efac;
  --op-mark: 245 158 11; --op-mark-line: #fbbf24; --op-lit: #fcd34d; --op-on-lit: #1c1917;
  --op-good: #86efac; --op-good-wash: #14301f;
}
"""

# For what encloses gradio's page, which the rules of its `css` do not reach.
_FRAME = """
.gradio-container { width: 100% !important; min-width: 0 !important; max-width: 64rem !important; margin: 0 auto !important; }
.dark { --color-accent: #2dd4bf !important; --slider-color: #2dd4bf !important;
  --checkbox-background-color-selected: #0d9488 !important; }
.gradio-container .html-container { padding: 0 !important; }
@media (max-width: 640px) {
  .gradio-container > .main { padding: .75rem !important; }
  footer .divider { display: none !important; }
}
"""

_PAGE = """
.gradio-container :focus-visible { outline: 3px solid var(--op-focus) !important; outline-offset: 2px; }
.op-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.op-hero { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; align-items: center; padding: 1.25rem 0 .25rem; }
.op-hero svg { width: 3.5rem; height: 3.5rem; grid-row: span 2; }
.op-hero h1 { font-size: clamp(1.5rem, 1.1rem + 2vw, 2.2rem); line-height: 1.15; letter-spacing: -.02em; margin: 0;
  font-weight: 750;
  color: var(--op-ink); }
.op-hero p { margin: 0; color: var(--op-soft); font-size: 1.02rem; line-height: 1.45; max-width: 44rem; }
.op-ask { gap: .6rem !important; }
.op-ask-row { align-items: stretch !important; gap: .6rem !important; }
.op-ask-row textarea { font-size: 1.12rem; line-height: 1.45; }
.op-ask-row button { min-height: 3rem; font-weight: 650; }
.op-language .wrap label { min-height: 44px; }
.op-examples > .gallery { gap: .4rem; }
.op-examples button { text-align: left; line-height: 1.35; min-height: 36px; border-radius: 1.2rem !important;
  padding: .3rem .8rem !important; }
#op-results .pending, #op-comparison .pending { opacity: .6 !important; }
"""

_ANSWER = """
.op-answer { color: var(--op-ink); padding-top: .5rem; }
.op-words { display: flex; flex-wrap: wrap; gap: .4rem; }
.op-word { display: inline-flex; flex-direction: column; align-items: center; justify-content: center; min-height: 44px;
  margin: 0 !important; padding: .3rem .75rem; cursor: pointer;
  border: 1.5px solid var(--op-line); border-radius: .7rem; background: var(--op-card); color: var(--op-ink); font: inherit;
  transition: background-color .12s, border-color .12s; }
.op-word-text { font-weight: 650; font-size: 1.05rem; line-height: 1.3; }
.op-gloss { font-size: .8rem; line-height: 1.25; color: var(--op-soft); }
.op-word:hover, .op-word.op-lit { border-color: var(--op-mark-line); background: rgb(var(--op-mark) / .16); }
.op-word[aria-pressed="true"] { background: var(--op-lit); border-color: var(--op-lit); color: var(--op-on-lit); }
.op-word[aria-pressed="true"] span { color: var(--op-on-lit) !important; }
.op-hint, .prose .op-hint { margin: .5rem 0 0; font-size: .9rem; color: var(--op-soft); }
.op-english { margin: .5rem 0 0; }
.op-facts { margin: .9rem 0 0; font-variant-numeric: tabular-nums; }
.op-legend { display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: center; margin: .3rem 0 .6rem; font-size: .85rem;
  color: var(--op-soft); }
.op-legend .op-mark { cursor: default; color: var(--op-ink); }
.op-cards { list-style: none; margin: 0; padding: 0; display: grid; gap: .8rem; }
.op-card { background: var(--op-card); border: 1px solid var(--op-line); border-radius: 1rem; padding: 1rem 1.15rem; margin: 0; }
.op-card.op-relevant { border-color: var(--op-good); box-shadow: inset 4px 0 0 var(--op-good); }
.op-card-head { display: flex; gap: .6rem; align-items: baseline; flex-wrap: wrap; }
.op-card-head h3 { margin: 0; font-size: 1.1rem; line-height: 1.5; font-weight: 700; flex: 1 1 12rem; overflow-wrap: anywhere;
  color: inherit; }
.op-rank { min-width: 1.6rem; height: 1.6rem; line-height: 1.6rem; border-radius: 50%; text-align: center; font-size: .85rem;
  font-weight: 700; background: var(--op-wash); color: var(--op-soft); }
.op-badge { font-size: .82rem; font-weight: 650; color: var(--op-good); background: var(--op-good-wash); border-radius: 1rem;
  padding: .1rem .65rem; white-space: nowrap; }
.op-score { display: flex; align-items: center; gap: .7rem; margin: .35rem 0 .3rem; }
.op-bar { flex: 1; height: .45rem; border-radius: .3rem; background: var(--op-wash); overflow: hidden; }
.op-bar > span { display: block; height: 100%; border-radius: .3rem; background: var(--op-accent); }
.op-number { font-size: .9rem; font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; }
.op-number small { font-weight: 400; color: var(--op-soft); font-size: .8rem; }
.op-text { margin: 0; line-height: 1.85; font-size: 1.02rem; overflow-wrap: anywhere; white-space: pre-line; }
.op-mark { position: relative; color: inherit; border-radius: .25rem; padding: .06em .16em; margin: 0 -.04em; cursor: pointer;
  text-decoration: none; border-bottom: 0 solid var(--op-mark-line); }
.op-level-4 { background: rgb(var(--op-mark) / .42); border-bottom-width: 4px; }
.op-level-3 { background: rgb(var(--op-mark) / .27); border-bottom-width: 3px; }
.op-level-2 { background: rgb(var(--op-mark) / .14); border-bottom-width: 2px; }
.op-level-1 { background: transparent; border-bottom-width: 1px; border-bottom-style: dotted; }
.op-active .op-cards .op-mark { background: transparent; }
.op-active .op-cards .op-mark.op-lit { background: var(--op-lit); color: var(--op-on-lit); }
.op-active .op-cards .op-mark.op-lit::after { content: attr(data-shown); position: absolute; left: 50%; bottom: 100%;
  translate: -50% 25%;
  z-index: 2; padding: 0 .4em; border-radius: .5em; white-space: nowrap; font-size: .72rem; line-height: 1.5; font-weight: 700;
  pointer-events: none;
  font-variant-numeric: tabular-nums; background: var(--op-ink); color: var(--op-card); }
.op-notice { border: 1px solid var(--op-line); border-left: 4px solid var(--op-accent); border-radius: .7rem;
  padding: .9rem 1.1rem;
  background: var(--op-card); color: var(--op-ink); }
@media (prefers-reduced-motion: reduce) { .op-word { transition: none; } }
"""

_COMPARE = """
.op-verdicts { list-style: none; margin: .7rem 0 1.1rem !important; padding: 0 !important; display: grid; gap: .6rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); }
.op-verdicts li { margin: 0; padding: .6rem .9rem; border-radius: .7rem; background: var(--op-wash); color: var(--op-ink); }
.op-verdicts li.op-found { background: var(--op-good-wash); box-shadow: inset 4px 0 0 var(--op-good); }
.op-verdicts strong { display: block; }
.op-columns { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr));
  align-items: start; }
.op-column > h3 { margin: 0; font-size: 1.1rem; color: var(--op-ink); }
.op-column > p { margin: .1rem 0 .6rem; color: var(--op-soft); font-size: .9rem; line-height: 1.4; }
.op-column .op-card { padding: .75rem .9rem; }
.op-column .op-text { font-size: .93rem; line-height: 1.7; }
"""

_PHONE = """
@media (max-width: 640px) {
  .op-hero { grid-template-columns: 1fr; padding-top: .25rem; }
  .op-hero svg { display: none; }
  .op-card { padding: .85rem .9rem; }
  .op-ask-row { flex-direction: column; }
  .op-ask-row > * { width: 100%; min-width: 0 !important; }
  .op-examples > .gallery { max-width: calc(100vw - 2rem); flex-wrap: nowrap; overflow-x: auto; scroll-snap-type: x proximity;
  padding-bottom: .4rem; }
  .op-examples > .gallery > * { flex: 0 0 auto; max-width: 82vw; scroll-snap-align: start; min-height: 44px; }
}
"""

CSS = _COLOURS + _PAGE + _ANSWER + _COMPARE + _PHONE

# LANGUAGE is replaced by what the visitor asks in.
HERO = """<header class="op-hero">
<svg viewBox="0 0 64 64" aria-hidden="true"><g fill="none" stroke="var(--op-plan)" stroke-linecap="round">
<path d="M12 15v34" stroke-width="5"/><path d="M32 15v34" stroke-width="2.5"/><path d="M52 15v34" stroke-width="5"/>
<path d="M32 15l20 34M52 15L32 49" stroke-width="1.6"/></g>
<g fill="var(--op-student)">
<circle cx="12" cy="11" r="7.5"/><circle cx="32" cy="11" r="7.5"/><circle cx="52" cy="11" r="7.5"/></g>
<g fill="var(--op-teacher)">
<circle cx="12" cy="53" r="7.5"/><circle cx="32" cy="53" r="7.5"/><circle cx="52" cy="53" r="7.5"/></g></svg>
<h1>Ask in LANGUAGE. Find it in English.</h1>
<p>Each word of your question looks for its best partner in every passage; the likenesses add up to how well it fits. Nothing is
translated.</p></header>"""

# Events are caught at the document, so that it works on whatever gradio renders later. Hover and focus show for as long as they
# last; a press stays until the next, or Escape.
_SCRIPT = """
(() => {
  const area = (node) => node.closest?.(".op-answer");
  const words = (node) => node?.matches(".op-word") ? [node.dataset.q]
    : (node?.dataset.pairs || "").split(" ").filter(Boolean).map((pair) => pair.split(":")[0]);
  const show = (answer, chosen) => {
    answer.classList.toggle("op-active", chosen.length > 0);
    const lit = [];
    for (const mark of answer.querySelectorAll(".op-mark[data-pairs]")) {
      const own = mark.dataset.pairs.split(" ").map((pair) => pair.split(":")).filter(([q]) => chosen.includes(q));
      mark.classList.toggle("op-lit", own.length > 0);
      if (own.length) {
        mark.dataset.shown = own.map(([, value]) => value).sort().at(-1);
        lit.push(mark.textContent + " " + mark.dataset.shown);
      }
    }
    for (const word of answer.querySelectorAll(".op-word")) word.classList.toggle("op-lit", chosen.includes(word.dataset.q));
    return lit;
  };
  const pressed = (answer) => [...answer.querySelectorAll('.op-word[aria-pressed="true"]')].map((word) => word.dataset.q);
  const tell = (answer, text) => { const live = answer.querySelector(".op-live"); if (live) live.textContent = text; };
  const press = (answer, chosen) => {
    for (const word of answer.querySelectorAll(".op-word")) {
      word.setAttribute("aria-pressed", String(chosen.includes(word.dataset.q)));
    }
    const lit = show(answer, chosen);
    tell(answer, chosen.length ? (lit.length ? "found " + lit.join(", ") : "found no word in these passages") : "");
  };
  // A region that outlives the answers, so that a screen reader hears of new ones.
  const announce = (text) => {
    let region = document.getElementById("op-announce");
    if (!region) {
      region = document.createElement("div");
      region.id = "op-announce";
      region.className = "op-unseen";
      region.setAttribute("role", "status");
      document.body.append(region);
    }
    region.textContent = text;
  };
  // gradio puts a new answer in as a whole, or changes the old one bit by bit
  const FACTS = ".op-facts, .op-notice";
  new MutationObserver((changes) => {
    for (const change of changes) {
      const whole = [...change.addedNodes].map((node) => node.matches?.(FACTS) ? node : node.querySelector?.(FACTS)).find(Boolean);
      const facts = whole || (change.target.closest ? change.target : change.target.parentElement)?.closest?.(FACTS);
      if (facts) announce(facts.textContent);
    }
  }).observe(document, { childList: true, characterData: true, subtree: true });
  const target = (event) => event.target.closest?.(".op-word, .op-mark[data-pairs]");
  const look = (event) => { const node = target(event); if (node && area(node)) show(area(node), words(node)); };
  const leave = (event) => { const node = target(event); if (node && area(node)) show(area(node), pressed(area(node))); };
  document.addEventListener("mouseover", look);
  document.addEventListener("mouseout", leave);
  document.addEventListener("focusin", look);
  document.addEventListener("focusout", leave);
  const toggle = (node) => {
    const answer = area(node), chosen = words(node), now = pressed(answer);
    press(answer, chosen.length === now.length && chosen.every((q) => now.includes(q)) ? [] : chosen);
  };
  document.addEventListener("click", (event) => { const node = target(event); if (node && area(node)) toggle(node); });
  document.addEventListener("keydown", (event) => {
    const node = target(event);
    if (event.key === "Escape") document.querySelectorAll(".op-answer.op-active").forEach((answer) => press(answer, []));
    else if (node?.matches(".op-mark") && area(node) && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      toggle(node);
    }
  });
})();
"""

HEAD = f"<style>{_FRAME}</style><script>{_SCRIPT}</script>"
