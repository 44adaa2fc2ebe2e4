// Which place on the page is meant: most pages have one; where several have cards of their own, the one under the pointer is.

const shown = new Map(); // by name: the component on the page, { data, root, setTriggerValue }
let touched = ""; // the place whose card the pointer or the focus was in last

const cardOf = (view) => (view.root.getRootNode().host ?? view.root).closest("[class*='st-key-box-']");
const viewAt = (event) => [...shown.values()].find((view) => cardOf(view)?.contains(event.target));
const pageView = () => [...shown.values()].findLast((view) => !cardOf(view));
const touchedView = () => shown.get(touched) ?? pageView() ?? shown.values().next().value;

// Who waits for news of a place may have another page before them by now.
const someViewOr = (view) => shown.get(view.data.place) ?? pageView() ?? view;

for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const view = shown.size > 1 && viewAt(event);
    if (view) touched = view.data.place;
  }, { capture: true, passive: true });
}
