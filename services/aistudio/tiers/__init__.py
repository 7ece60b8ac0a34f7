"""Three ways to read an answer, best first: the page's network answer, its document as it grows, the finished text."""
