// The four dialects as a small client speaks them: what is sent, and the words in what comes. Pure.

const turns = (talk, role) => talk.map(({ who, text }) => ({ role: who === "you" ? "user" : role, content: text }));

export const DIALECTS = {
  chat: {
    title: "Chat Completions",
    path: () => "v1/chat/completions",
    headers: (key) => ({ authorization: `Bearer ${key}` }),
    body: ({ model, talk, stream }) => ({ model, messages: turns(talk, "assistant"), ...(stream ? { stream, stream_options: { include_usage: true } } : {}) }),
    delta: (event) => event.choices?.[0]?.delta?.content ?? "",
    whole: (answer) => answer.choices?.[0]?.message?.content ?? "",
  },
  responses: {
    title: "Responses",
    path: () => "v1/responses",
    headers: (key) => ({ authorization: `Bearer ${key}` }),
    body: ({ model, talk, stream }) => ({ model, input: turns(talk, "assistant"), ...(stream ? { stream } : {}) }),
    delta: (event) => (event.type === "response.output_text.delta" ? event.delta : ""),
    whole: (answer) => (answer.output ?? []).flatMap((item) => item.content ?? []).map((part) => part.text ?? "").join(""),
  },
  messages: {
    title: "Messages",
    path: () => "v1/messages",
    headers: (key) => ({ "x-api-key": key, "anthropic-version": "2023-06-01" }),
    body: ({ model, talk, stream }) => ({ model, max_tokens: 4096, messages: turns(talk, "assistant"), ...(stream ? { stream } : {}) }),
    delta: (event) => event.delta?.text ?? "",
    whole: (answer) => (answer.content ?? []).map((block) => block.text ?? "").join(""),
  },
  gemini: {
    title: "Gemini",
    path: ({ model, stream }) => `v1beta/models/${model.split("/").map(encodeURIComponent).join("/")}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    headers: (key) => ({ "x-goog-api-key": key }),
    body: ({ talk }) => ({ contents: talk.map(({ who, text }) => ({ role: who === "you" ? "user" : "model", parts: [{ text }] })) }),
    delta: (event) => parts(event),
    whole: (answer) => parts(answer),
  },
};

function parts(answer) {
  return (answer.candidates?.[0]?.content?.parts ?? []).filter((part) => !part.thought).map((part) => part.text ?? "").join("");
}

/** The message of an error in any dialect, "" where there is none. */
export function errorOf(event) {
  const found = event?.error ?? event?.response?.error;
  if (!found) return "";
  return typeof found === "string" ? found : found.message ?? JSON.stringify(found);
}

/** Cut a stream into events: gives a function that takes text and returns the payloads that it completed. */
export function reader() {
  let rest = "";
  return (text) => {
    rest = (rest + text).replaceAll("\r\n", "\n"); // a pair of them may come in two pieces
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    return blocks.flatMap((block) => {
      const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
      return data.length > 0 ? [data.join("\n")] : [];
    });
  };
}
