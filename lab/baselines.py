#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains simple detectors on exported data sets and prints what they are worth, as Markdown.

Usage: lab/baselines.py RUNS TECHNIQUES
RUNS and TECHNIQUES are folders of `nodesecctl export --format csv`, the first with --split run, the second with
--split technique. Needs scikit-learn and pandas (Debian: python3-sklearn python3-pandas).
"""
import glob
import sys

import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, precision_recall_fscore_support
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

SEED = 1
ALERTS = {"WARN", "ERROR", "FATAL"}


def read(folder, kind, split):
    """Returns the rows of all parts of a split, in order."""
    files = sorted(glob.glob(f"{folder}/{kind}/{split}/*.csv"))
    if not files:
        sys.exit(f"{folder}/{kind}/{split} has no CSV files: export with --format csv")
    return pd.concat([pd.read_csv(f, keep_default_na=False, na_values=["nan"], low_memory=False) for f in files], ignore_index=True)


class Split:
    """One split: x features (rows, features), y whether a row is of an attack, side who and when."""

    def __init__(self, folder, name):
        data, self.side = read(folder, "data", name), read(folder, "side", name)
        self.y = (data.pop("label") == "attack").to_numpy()
        self.x = data.to_numpy(dtype=np.float64)


def squash(x):
    """Counts span many orders of magnitude; missing values become 0, the value of most counts."""
    x = np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0)
    return np.sign(x) * np.log1p(np.abs(x))


def best_threshold(y, score):
    """Returns the threshold with the best F1. score may have many equal values."""
    best, at = -1.0, np.inf
    for threshold in np.unique(np.quantile(score, np.linspace(0, 1, 201))):
        f1 = precision_recall_fscore_support(y, score >= threshold, average="binary", zero_division=0)[2]
        if f1 > best:
            best, at = f1, threshold
    return at


def rules(train, validation, test):
    """The tags of nodesec's rules: no training; the alert is a rule of severity WARN or higher."""
    levels = {"": 0, "TRACE": 1, "DEBUG": 2, "INFO": 3, "WARN": 4, "ERROR": 5, "FATAL": 6}
    return test.side["severity"].map(lambda s: levels.get(str(s).rstrip("234"), 0)).to_numpy(float), 4.0


def logistic(train, validation, test):
    """Logistic regression on logarithms."""
    model = make_pipeline(FunctionTransformer(squash), StandardScaler(), LogisticRegression(max_iter=2000, C=0.1, class_weight="balanced", random_state=SEED))
    model.fit(train.x, train.y)
    score = lambda s: model.predict_proba(s.x)[:, 1]
    return score(test), best_threshold(validation.y, score(validation))


def isolation(train, validation, test):
    """Isolation forest that sees no attack and no label but that of benign rows."""
    model = make_pipeline(FunctionTransformer(squash), IsolationForest(n_estimators=200, random_state=SEED))
    model.fit(train.x[~train.y])
    score = lambda s: -model.score_samples(s.x)
    return score(test), best_threshold(validation.y, score(validation))


def boosting(train, validation, test):
    """Gradient-boosted trees; missing values as they are."""
    model = HistGradientBoostingClassifier(max_iter=200, learning_rate=0.1, random_state=SEED)
    model.fit(train.x, train.y, sample_weight=np.where(train.y, (~train.y).sum() / max(train.y.sum(), 1), 1.0))
    score = lambda s: model.predict_proba(s.x)[:, 1]
    return score(test), best_threshold(validation.y, score(validation))


MODELS = {"rules alone": rules, "logistic regression": logistic, "isolation forest": isolation, "gradient-boosted trees": boosting}


def false_alarms(test, alert):
    """False alarms per container and hour: rows in a row of one entity are one alarm."""
    wrong = pd.DataFrame({"entity": test.side["entity"], "ts": test.side["ts"], "bad": alert & ~test.y, "ms": test.side["interval_ms"]}).sort_values(["entity", "ts"])
    began = wrong["bad"] & ~(wrong.groupby("entity")["bad"].shift(fill_value=False))
    return began.sum() / (wrong["ms"].sum() / 3.6e6)


def steps(test, alert, which):
    """One row per step of the rows that count: technique, whether any of its ticks was noticed, and at which (0 the first)."""
    rows = test.side.assign(alert=alert)[which].sort_values("ts")
    out = []
    for _, window in rows.groupby("annotation", sort=False):
        hits = np.flatnonzero(window["alert"].to_numpy())
        out.append((window["technique"].iloc[0], len(hits) > 0, hits[0] if len(hits) else np.nan))
    return pd.DataFrame(out, columns=["technique", "noticed", "ticks"])


def evaluate(title, folder):
    train, validation, test = (Split(folder, name) for name in ("train", "validation", "test"))
    print(f"### {title}\n")
    print(f"{train.x.shape[1]} features; rows (of attacks): train {len(train.y)} ({train.y.sum()}), validation {len(validation.y)} "
          f"({validation.y.sum()}), test {len(test.y)} ({test.y.sum()}). {test.side['interval_ms'].sum() / 3.6e6:.2f} container-hours of test.\n")
    print("| detector | precision | recall | F1 | PR-AUC | attack steps noticed | ticks until noticed, median | other steps taken for attacks | false alarms per container and hour |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    noticed = {}
    for name, model in MODELS.items():
        score, threshold = model(train, validation, test)
        alert = score >= threshold
        precision, recall, f1, _ = precision_recall_fscore_support(test.y, alert, average="binary", zero_division=0)
        found = steps(test, alert, test.y)
        others = steps(test, alert, ~test.y & (test.side["step"] != "background").to_numpy())
        noticed[name] = found
        delay = found["ticks"].median()
        print(f"| {name} | {precision:.2f} | {recall:.2f} | {f1:.2f} | {average_precision_score(test.y, score):.2f} | "
              f"{found['noticed'].sum()} of {len(found)} | {'' if np.isnan(delay) else f'{delay:.0f}'} | "
              f"{others['noticed'].sum()} of {len(others)} | {false_alarms(test, alert):.1f} |")
    print("\nAttack steps noticed, by technique:\n")
    print("| technique | " + " | ".join(MODELS) + " |\n| --- |" + " --- |" * len(MODELS))
    first = next(iter(noticed.values()))
    for technique in sorted(first["technique"].unique()):
        cells = []
        for found in noticed.values():
            of = found[found["technique"] == technique]
            cells.append(f"{of['noticed'].sum()} of {len(of)}")
        print(f"| {technique} | " + " | ".join(cells) + " |")
    print()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(f"scikit-learn {sklearn.__version__}, pandas {pd.__version__}.\n")
    evaluate("Runs that were not seen", sys.argv[1])
    evaluate("Techniques that were not seen", sys.argv[2])
