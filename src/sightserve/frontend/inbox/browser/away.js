// Streamlit's own words for a server that does not answer speak of Streamlit, of terminals and of the reader's internet.

const GONE = ["The app is away at the moment", "It comes back to this page by itself, usually within a minute."];

const tellAway = () => {
  const dialog = [...document.querySelectorAll("[role=dialog]")].find((each) => /streamlit/i.test(each.textContent));
  const [title, text] = [dialog?.querySelector("h2"), dialog?.querySelector("h2 + div div")];
  if (!title || !text) return;
  for (const [element, words] of [[title, GONE[0]], [text, GONE[1]]]) {
    const node = document.createTreeWalker(element, NodeFilter.SHOW_TEXT).nextNode();
    if (node && node.nodeValue !== words) node.nodeValue = words; // the node is React's, and stays
  }
  for (const more of [...text.children]) more.hidden = true; // a command line
};
new MutationObserver(tellAway).observe(document.body, { childList: true, subtree: true, characterData: true });
