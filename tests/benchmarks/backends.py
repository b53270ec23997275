"""Encoding by ONNX Runtime and by 8-bit weights beside bare sentence-transformers: speed and loss.

    python -m tests.benchmarks.backends [--documents 1000] [--batch 32]

SciFact's 300 test questions, the documents that answer them, and as many others as fit; texts per
processor second, interleaved in blocks, and nDCG@10 by exact search on these documents, so higher
than on the whole corpus. sentence-transformers' own ``backend="onnx"`` and ``"openvino"`` need
optimum, none of whose versions takes transformers 5.23 (docs/log.md): here torch exports the
transformer, ONNX Runtime runs it, and the pooling is ours. One thread. Beside what whichtune
needs: pip install onnx==1.23.2
"""

import argparse
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import ir_measures
import numpy as np
import torch
from ir_measures import nDCG

from runners import _encoder, _models
from tests.benchmarks.retrieval import corpus, questions

BLOCK = 64
Encode = Callable[[list[str]], np.ndarray]


class Wrapped(torch.nn.Module):
    """The transformer with its inputs by name, which is what the exporter wants."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state


NAMES = ["input_ids", "attention_mask", "token_type_ids"]


def export(encoder, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        some = encoder.tokenizer(["one two", "three"], padding=True, return_tensors="pt")
        torch.onnx.export(
            Wrapped(encoder[0].auto_model).eval(),
            tuple(some[name] for name in NAMES),
            str(path),
            dynamo=False,
            input_names=NAMES,
            output_names=["hidden"],
            dynamic_axes={name: {0: "b", 1: "t"} for name in (*NAMES, "hidden")},
            opset_version=17,
        )


def session(encoder, path: Path, batch: int) -> Encode:
    """Encodes as sentence-transformers does: sorted by length, mean over tokens, unit length."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    opened = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def encode(texts: list[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
        found = np.zeros((len(texts), 384), np.float32)
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            given = encoder.tokenizer(
                [texts[place] for place in places],
                padding=True,
                truncation=True,
                max_length=encoder.max_seq_length,
                return_tensors="np",
            )
            (hidden,) = opened.run(None, {name: given[name].astype(np.int64) for name in NAMES})
            mask = given["attention_mask"][..., None].astype(np.float32)
            mean = (np.asarray(hidden) * mask).sum(1) / mask.sum(1)
            found[places] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return found

    return encode


def plain(encoder, batch: int) -> Encode:
    return lambda texts: encoder.encode(
        texts, batch_size=batch, normalize_embeddings=True, show_progress_bar=False
    )


def sides(folder: Path, batch: int) -> dict[str, Encode]:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    encoder = _encoder.open_encoder(_models.DEFAULT_ENCODER)
    export(encoder, folder / "plain.onnx")
    found = {
        "sentence-transformers": plain(encoder, batch),
        "ONNX Runtime": session(encoder, folder / "plain.onnx", batch),
    }
    for name, channels in (("int8", False), ("int8, by channel", True)):
        path = folder / f"{name}.onnx"
        quantize_dynamic(
            folder / "plain.onnx", path, weight_type=QuantType.QInt8, per_channel=channels
        )
        found[f"ONNX Runtime {name}"] = session(encoder, path, batch)
    again = _encoder.open_encoder(_models.DEFAULT_ENCODER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.ao.quantization.quantize_dynamic(
            again[0].auto_model, {torch.nn.Linear}, dtype=torch.qint8, inplace=True
        )
    found["torch.ao int8"] = plain(again, batch)
    return found


def chosen(count: int) -> tuple[list[dict[str, str]], dict[str, str], dict[str, dict[str, int]]]:
    """All documents that answer a question, and others drawn at random."""
    asked, right = questions()
    wanted = {key for found in right.values() for key in found}
    every = corpus()
    others = [row for row in every if row["_id"] not in wanted]
    kept = [row for row in every if row["_id"] in wanted]
    kept += random.Random(0).sample(others, max(count - len(kept), 0))
    return random.Random(1).sample(kept, len(kept)), asked, right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=32)
    said = parser.parse_args()
    torch.set_num_threads(1)
    documents, asked, right = chosen(said.documents)
    texts = [f"{row['title']} {row['text']}" for row in documents]
    print(f"{len(texts):,} documents, {len(asked)} questions, batches of {said.batch}, one thread")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        encoders = sides(Path(folder), said.batch)
        for encode in encoders.values():
            encode(texts[:8])
        parts: dict[str, list[np.ndarray]] = {name: [] for name in encoders}
        took = dict.fromkeys(encoders, 0.0)
        for start in range(0, len(texts), BLOCK):
            for name, encode in encoders.items():
                began = time.process_time()
                parts[name].append(encode(texts[start : start + BLOCK]))
                took[name] += time.process_time() - began
        vectors = {name: np.concatenate(found) for name, found in parts.items()}
        wanted = {name: encode(list(asked.values())) for name, encode in encoders.items()}
    first = next(iter(encoders))
    for name in encoders:
        run = {
            key: {documents[place]["_id"]: float(row[place]) for place in np.argsort(-row)[:100]}
            for key, row in zip(asked, wanted[name] @ vectors[name].T, strict=True)
        }
        score = ir_measures.calc_aggregate([nDCG @ 10], right, run)[nDCG @ 10]
        same = float((vectors[name] * vectors[first]).sum(1).mean())
        print(
            f"{name:<32} {len(texts) / took[name]:6.1f} texts a processor second "
            f"({took[first] / took[name]:.2f}x)  nDCG@10 {score:.4f}  cosine {same:.4f}"
        )


if __name__ == "__main__":
    sys.exit(main())
