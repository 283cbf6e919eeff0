"""Claims on plain gradient descent, on landscapes of one and two weights."""

import math

from koopnb.evidence.claim import Claim, metric

INTRODUCTION, METHOD = "report, Introduction", "report, section on gradient descent"
POTENTIAL = "01-gradient-flow#the-loss-as-a-potential"
STUCK = "01-gradient-flow#stuck-and-sensitive-to-where-one-starts"
STEP = "01-gradient-flow#how-large-a-step-may-be"


DESCENT = (
    Claim(
        "loss-never-rises",
        "The loss is a potential: along the flow of its gradient it never rises",
        METHOD,
        POTENTIAL,
        "rises of the loss in the recorded intervals of 200 paths",
        metric("flow", "rises"),
        high=0,
        proved=True,
    ),
    Claim(
        "force-takes-the-loss",
        "The gradient is its force: what the loss loses is the integral of the force squared",
        METHOD,
        POTENTIAL,
        "largest difference between the two",
        metric("flow", "imbalance"),
        high=1e-4,
        tolerance=math.inf,
        proved=True,
    ),
    Claim(
        "reaches-the-optimum",
        "Following the force may reach the optimum: on a network of two weights it does",
        METHOD,
        POTENTIAL,
        "share of starts that end at one of the two best networks",
        metric("flow", "arrived"),
        low=0.9,
    ),
    Claim(
        "misses-the-optimum",
        "It may, but need not: on the double well some starts reach the optimum, others do not",
        METHOD,
        STUCK,
        "share of starts that end in the deep minimum",
        metric("ends", "deep"),
        low=0.01,
        high=0.99,
    ),
    Claim(
        "stuck-in-minima",
        "Gradient descent gets stuck in sub-optimal minima",
        INTRODUCTION,
        STUCK,
        "share of starts that end in the shallow minimum",
        metric("ends", "shallow"),
        low=0.1,
    ),
    Claim(
        "stuck-at-inflections",
        "Gradient descent gets stuck at inflections",
        INTRODUCTION,
        STUCK,
        "share of starts that end at the inflection",
        metric("ends", "inflection"),
        low=0.1,
    ),
    Claim(
        "slows-at-inflections",
        "The flow comes to an inflection as slowly as 1 / t",
        "this book",
        STUCK,
        "distance of the fitted power of time from -1",
        lambda one: abs(one.metrics["slowing"] + 1),
        high=0.05,
        proved=True,
    ),
    Claim(
        "start-decides",
        "Gradient descent is sensitive to the initial state",
        INTRODUCTION,
        STUCK,
        "distance between the ends of two starts at most 0.002 apart",
        lambda one: float(one.metrics["apart"]),
        low=1,
        proved=True,
    ),
    Claim(
        "step-decides",
        "Gradient descent is not robust to the learning rate: "
        "above a limit no start stays in the deep minimum",
        INTRODUCTION,
        STUCK,
        "share of starts that end there, learning rates above the limit",
        metric("kept", "above"),
        high=0,
    ),
    Claim(
        "smaller-steps-stay",
        "Below that limit many starts do",
        "this book",
        STUCK,
        "share of starts that end in the deep minimum, learning rates below the limit",
        metric("kept", "below"),
        low=0.2,
    ),
    Claim(
        "limit-of-the-step",
        "The limit of the learning rate is 2 / L, with L the largest curvature at the minimum",
        "this book",
        STEP,
        "largest relative deviation of the limits found by trying",
        lambda one: float(one.metrics["limits"]),
        high=0.01,
        proved=True,
    ),
)

CLAIMS = {"descent": DESCENT}
