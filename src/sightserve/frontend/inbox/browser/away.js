// Streamlit's own dialogs speak of Streamlit, of terminals and of the reader's internet.

const DIALOGS = [
  [/streamlit/i, "The app is away at the moment", "It comes back to this page by itself, usually within a minute."],
  [/main page/i, "There is no such page", "This is the first one."],
];

const inOurWords = () => {
  for (const dialog of document.querySelectorAll("[role=dialog]")) {
    const [, ...words] = DIALOGS.find(([theirs]) => theirs.test(dialog.textContent)) ?? [];
    const [title, text] = [dialog.querySelector("h2"), dialog.querySelector("h2 + div div")];
    if (!words.length || !title || !text) continue;
    for (const [element, ours] of [[title, words[0]], [text, words[1]]]) {
      const node = document.createTreeWalker(element, NodeFilter.SHOW_TEXT).nextNode();
      if (node) node.nodeValue = ours; // the node is React's, and stays
    }
    for (const more of text.children) more.hidden = true; // a command line
  }
};
new MutationObserver(inOurWords).observe(document.body, { childList: true, subtree: true, characterData: true });
inOurWords();
