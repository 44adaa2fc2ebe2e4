// What a person waited for an answer, from their press to its words on the page; and the words, for who does not see them.

let pressed = 0; // when the press was that has no answer yet; 0: none

const LEADS_TO_ANSWERS = ".st-key-samples, .st-key-history, .st-key-gallery, .st-key-classify";
const note = () => { pressed = performance.now(); };
document.addEventListener("click", (event) => { if (event.target.closest?.(LEADS_TO_ANSWERS)) note(); }, true);
document.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.target.closest?.("input, textarea")) note(); }, true);

function speak(words) {
  let spoken = document.querySelector(".sightserve-spoken");
  if (!spoken) {
    spoken = document.createElement("div");
    spoken.className = "sightserve-spoken";
    spoken.setAttribute("role", "status");
    document.body.append(spoken);
  }
  if (spoken.textContent !== words) spoken.textContent = words;
}

// What became of a press on Right or Wrong is read out too; not where an answer comes back on which something was said before.
let judged = false;
const judges = (event) => { if (event.target.closest?.(".st-key-feedback")) judged = true; };
document.addEventListener("click", judges, true);
document.addEventListener("keydown", judges, true);

const saidOnPage = () => {
  const said = document.querySelector(".sightserve-kept");
  if (!said || said.dataset.told) return;
  said.dataset.told = "yes";
  if (judged) speak(said.dataset.say);
  judged = false;
};

const answerOnPage = () => {
  const answer = document.querySelector(".sightserve-answered");
  if (!answer || answer.dataset.told) return;
  answer.dataset.told = "yes"; // it is drawn anew with every new answer
  speak(answer.dataset.say);
  const waited = answer.querySelector(".sightserve-waited");
  if (pressed && waited) waited.textContent = `${((performance.now() - pressed) / 1000).toFixed(2)} s`;
  pressed = 0;
};
new MutationObserver(() => { answerOnPage(); saidOnPage(); }).observe(document.body, { childList: true, subtree: true });
