// What Streamlit does not do with keys: Enter belongs to what has the focus, and what was typed into a list of labels counts.

// Classify has Enter as its shortcut, from wherever on the page: also from another button, which then does nothing. Scripts of
// the page's root have had the key by now, the document's has not.
const PRESSED_BY_ENTER = "button, a, summary, [role=button]";
document.getElementById("root")?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.closest?.(PRESSED_BY_ENTER)) event.stopPropagation();
});

// A new label is in no list, and counts when Enter was pressed; who goes on to the next field, or to Send, means it as well.
const typed = (event) => {
  const field = document.activeElement;
  if (!field?.matches?.(".st-key-feedback input[role=combobox]") || field.getAttribute("aria-expanded") !== "true") return;
  if (!field.value.trim() || event.target.closest?.("[role=listbox]")) return;
  if (event.type === "pointerdown" && event.target.closest?.("[data-testid=stSelectbox]")) return; // it still has the focus
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", code: "Enter", bubbles: true, cancelable: true }));
};
document.addEventListener("pointerdown", typed, true);
document.addEventListener("keydown", (event) => { if (event.key === "Tab") typed(event); }, true);
