"""An interleaved stream as OpenAI's Python client reads it, at OPENAI_BASE_URL.

Behind it are two scripted models; one of them breaks on the way where the question says so. Exits 0
when the client's users see what they should. Needs the package `openai`.
"""

import json
import os
import urllib.request

import openai

client = openai.OpenAI(api_key="unused", max_retries=0)


def ask(question):
    raw = client.chat.completions.with_raw_response.create(
        model="assistant", messages=[{"role": "user", "content": question}], n=2, stream=True,
        stream_options={"include_usage": True})
    texts, ends, usage, order = ["", ""], [None, None], None, []
    for chunk in raw.parse():
        assert chunk.id.startswith("chatcmpl-") and chunk.model == "dense", chunk
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            ends[choice.index] = choice.finish_reason or ends[choice.index]
            if choice.delta.content:
                order.append(choice.index)
        usage = chunk.usage or usage
    return raw.headers["x-rollout-feedback-token"], texts, ends, usage, order


def rate(token, choice):
    body = json.dumps({"token": token, "thumbs": "up", "choice": choice}).encode()
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/feedback", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def whole():
    firsts = set()
    for _ in range(12):
        token, texts, ends, usage, order = ask("Speak.")
        assert sorted(texts) == ["dense one two", "flash one two"], texts
        assert ends == ["stop", "stop"], ends
        assert usage.completion_tokens == 6 and usage.prompt_tokens == 3, usage
        assert set(order) == {0, 1}, order
        firsts.add(texts[0])
        # A rater who could read whose choice it was could rate the model instead of the answer.
        for place in range(len(texts)):
            said = rate(token, place)
            assert "model" not in said and said["evidence"], said
    assert len(firsts) == 2, "either model comes first"


def broken():
    token, texts, ends, usage, _ = ask("Break.")
    place = texts.index("flash one")
    assert texts[1 - place] == "dense one two", texts
    assert ends[place] == "error" and ends[1 - place] == "stop", ends
    assert usage is None, usage
    assert not rate(token, 1 - place)["evidence"]


def helper():
    """The client's own accumulator of streams."""
    messages = [{"role": "user", "content": "Speak."}]
    with client.chat.completions.stream(model="assistant", messages=messages, n=2) as stream:
        for _ in stream:
            pass
        texts = [choice.message.content for choice in stream.get_final_completion().choices]
    assert sorted(texts) == ["dense one two", "flash one two"], texts


whole()
broken()
helper()
print("the client is content")
