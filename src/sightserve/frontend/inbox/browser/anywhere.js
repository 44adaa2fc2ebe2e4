// Anywhere on the page: what is pasted or dropped comes in, and who leaves is asked before something is lost.

const dragsFiles = (event) => shown && !shown.data.go && [...(event.dataTransfer?.types ?? [])].includes("Files");
const dragging = (on) => document.body.classList.toggle("sightserve-drag", on);
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!shown || !files.length || shown.data.go) return;
  event.preventDefault();
  choose(shown, files.map((file) => entryOf(file)));
});
document.addEventListener("dragover", (event) => {
  if (!dragsFiles(event)) return;
  event.preventDefault();
  dragging(true);
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) dragging(false); });
document.addEventListener("drop", async (event) => {
  dragging(false);
  if (!dragsFiles(event)) return;
  event.preventDefault();
  const view = shown;
  choose(view, await filesIn(event.dataTransfer));
});
window.addEventListener("beforeunload", (event) => {
  const unsaved = document.querySelector(".sightserve-unsaved") || Object.values(kept).some(({ sending }) => sending);
  if (unsaved) event.preventDefault();
});
