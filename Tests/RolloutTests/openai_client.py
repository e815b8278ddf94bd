"""What people do with OpenAI's Python client, done against the service at OPENAI_BASE_URL.

Exits 0 when everything is as the client's users expect. Needs the package `openai`.
"""

import openai

client = openai.OpenAI(api_key="unused", max_retries=0)
question = [{"role": "user", "content": "What is the capital of France?"}]


def models():
    names = [model.id for model in client.models.list()]
    assert {"assistant", "dense", "flash"} <= set(names), names
    assert client.models.retrieve("assistant").id == "assistant"


def whole():
    answer = client.chat.completions.create(
        model="assistant", messages=question, max_tokens=12, temperature=0, user="ada")
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and "Paris" in choice.message.content, answer
    assert choice.finish_reason in ("stop", "length"), answer
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    assert 0 < usage.completion_tokens <= 12, usage
    return choice.message.content


def streamed(expected):
    stream = client.chat.completions.create(
        model="assistant", messages=question, max_completion_tokens=12, temperature=0, user="ada",
        stream=True, stream_options={"include_usage": True})
    text, reasons, usage = "", [], None
    for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasons.append(choice.finish_reason)
        usage = chunk.usage or usage
    assert text == expected, (text, expected)
    assert [reason for reason in reasons if reason] in (["stop"], ["length"]), reasons
    assert usage and usage.completion_tokens > 0, usage


def headers():
    raw = client.chat.completions.with_raw_response.create(
        model="assistant", messages=question, max_tokens=1, user="ada",
        extra_headers={"x-request-id": "my-own-name"})
    assert raw.headers["x-rollout-model"] == "dense", raw.headers
    assert raw.headers["x-rollout-name"] == "assistant", raw.headers
    assert "x-rollout-step" in raw.headers, raw.headers
    assert raw.headers["x-rollout-request-id"] == "my-own-name", raw.headers


def choices():
    answer = client.chat.completions.create(
        model="assistant", messages=question, max_tokens=6, n=3, seed=7, temperature=1.0, top_p=0.9)
    again = client.chat.completions.create(
        model="assistant", messages=question, max_tokens=6, n=3, seed=7, temperature=1.0, top_p=0.9)
    texts = [choice.message.content for choice in answer.choices]
    assert len(texts) == 3 and sorted(c.index for c in answer.choices) == [0, 1, 2], answer
    assert texts == [choice.message.content for choice in again.choices], "a seed reproduces"


def stop(expected):
    answer = client.chat.completions.create(
        model="assistant", messages=question, max_tokens=12, temperature=0, stop=["Paris"])
    text = answer.choices[0].message.content or ""
    assert text == expected.split("Paris")[0], (text, expected)
    assert answer.choices[0].finish_reason == "stop", answer


def logprobs():
    answer = client.chat.completions.create(
        model="assistant", messages=question, max_tokens=4, temperature=0, logprobs=True,
        top_logprobs=3)
    tokens = answer.choices[0].logprobs.content
    assert len(tokens) == answer.usage.completion_tokens, answer
    for token in tokens:
        assert token.logprob <= 0 and len(token.top_logprobs) == 3, token
        assert token.top_logprobs[0].token == token.token, "greedy takes the likeliest"
    assert "".join(token.token for token in tokens) == answer.choices[0].message.content


def legacy():
    answer = client.completions.create(
        model="assistant", prompt="The capital of France is", max_tokens=4, temperature=0, logprobs=2)
    assert answer.choices[0].text.strip().startswith("Paris"), answer
    assert len(answer.choices[0].logprobs.tokens) == 4, answer
    pieces = client.completions.create(
        model="assistant", prompt="The capital of France is", max_tokens=4, temperature=0, stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == answer.choices[0].text


def harness():
    """What lm-eval-harness asks of a completion server: the log probabilities of a given text."""
    tokens = [504, 3575, 282, 4649, 314]  # The capital of France is
    answer = client.completions.create(
        model="assistant", prompt=[tokens], max_tokens=1, temperature=0, logprobs=1, echo=True,
        seed=1234)
    logprobs = answer.choices[0].logprobs
    assert len(logprobs.tokens) == len(tokens) + 1, logprobs
    assert logprobs.token_logprobs[0] is None and logprobs.top_logprobs[0] is None, logprobs
    for own, top in list(zip(logprobs.token_logprobs, logprobs.top_logprobs))[1:]:
        assert own <= max(top.values()) <= 0, (own, top)
    assert logprobs.token_logprobs[-1] == max(logprobs.top_logprobs[-1].values()), "greedy"
    assert answer.choices[0].text == "".join(logprobs.tokens), answer
    scored = client.completions.create(
        model="assistant", prompt=tokens, max_tokens=0, extra_body={"prompt_logprobs": 2})
    assert scored.choices[0].text == "" and scored.usage.completion_tokens == 0, scored
    positions = scored.choices[0].prompt_logprobs
    assert positions[0] is None and len(positions) == len(tokens), positions
    for token, own, entries in list(zip(tokens, logprobs.token_logprobs, positions))[1:]:
        assert abs(entries[str(token)]["logprob"] - own) < 1e-6, (token, own, entries)
        assert sorted(e["rank"] for e in entries.values())[:2] == [1, 2], entries
    chat = client.chat.completions.create(
        model="assistant", messages=question, max_tokens=1, extra_body={"prompt_logprobs": 0})
    assert len(chat.prompt_logprobs) == chat.usage.prompt_tokens, chat


def embeddings():
    texts = ["The sea is blue.", "Blue is the sea.", "def add(a, b): return a + b"]
    # The client asks for base64 unless told otherwise, and decodes it.
    answer = client.embeddings.create(model="dense", input=texts)
    vectors = [entry.embedding for entry in answer.data]
    assert [entry.index for entry in answer.data] == [0, 1, 2] and answer.model == "dense", answer
    assert all(len(vector) == 576 for vector in vectors), "as wide as the model"
    assert all(abs(sum(number * number for number in vector) - 1) < 1e-5 for vector in vectors)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 10, answer.usage
    plain = client.embeddings.create(model="dense", input=texts[0], encoding_format="float")
    # Nine digits tell floats apart.
    assert all(abs(a - b) < 1e-7 for a, b in zip(plain.data[0].embedding, vectors[0])), plain

    def cosine(a, b):
        return sum(x * y for x, y in zip(a, b))

    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]), "alike and unlike"
    for model, arguments, param in [
        ("assistant", {}, "model"), ("dense", {"dimensions": 8}, "dimensions"),
    ]:
        try:
            client.embeddings.create(model=model, input="a", **arguments)
            raise AssertionError(f"not refused: {model} {arguments}")
        except openai.BadRequestError as caught:
            assert caught.param == param, caught.body


def refused(error, **changes):
    arguments = {"model": "assistant", "messages": question, "max_tokens": 1} | changes
    try:
        client.chat.completions.create(**arguments)
    except error as caught:
        return caught
    raise AssertionError(f"not refused: {changes}")


def refusals():
    missing = refused(openai.NotFoundError, model="nobody")
    assert missing.code == "model_not_found" and missing.param == "model", missing.body
    assert refused(openai.BadRequestError, temperature=9).param == "temperature"
    assert refused(openai.BadRequestError, extra_body={"n_discard": -1}).param == "n_discard"
    long = [{"role": "user", "content": "word " * 4000}]
    assert refused(openai.BadRequestError, messages=long).code == "context_length_exceeded"


models()
text = whole()
streamed(text)
headers()
choices()
stop(text)
logprobs()
legacy()
harness()
embeddings()
refusals()
print("the client is content")
