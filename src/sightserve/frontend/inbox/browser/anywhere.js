// Anywhere on the page: what is pasted or dropped comes in, and who leaves is asked before something is lost.

const bringsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
const takes = (view) => !!view && !view.data.go;
const LET_GO = "Let go to add the photo";
// The page as a whole, or the card that the pointer is over, says that it takes what is dragged.
const dragging = (view) => {
  const card = view && cardOf(view);
  document.body.classList.toggle("sightserve-drag", !!view && !card);
  document.body.dataset.drag = view?.data.words.drop || LET_GO;
  for (const other of document.querySelectorAll(".sightserve-drag-here")) if (other !== card) other.classList.remove("sightserve-drag-here");
  card?.classList.add("sightserve-drag-here");
};
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  const view = touchedView();
  if (!files.length || !takes(view)) return;
  event.preventDefault();
  choose(view, files.map((file) => entryOf(file)));
});
document.addEventListener("dragover", (event) => {
  const view = viewAt(event) ?? pageView();
  if (!bringsFiles(event) || !takes(view)) return;
  event.preventDefault();
  dragging(view);
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) dragging(null); });
document.addEventListener("drop", async (event) => {
  const view = viewAt(event) ?? pageView();
  dragging(null);
  if (!bringsFiles(event) || !takes(view)) return;
  event.preventDefault();
  choose(view, await filesIn(event.dataTransfer));
});
window.addEventListener("beforeunload", (event) => {
  const unsaved = document.querySelector(".sightserve-unsaved") || Object.values(kept).some(({ sending, queue }) => sending || queue?.length);
  if (unsaved) event.preventDefault();
});
