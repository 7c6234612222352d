"""Curves of two tasks, by hand."""


def point(macs_share, accuracy, **others):
    return {"macs_share": macs_share, "accuracy": accuracy} | others


CURVES = {
    "digits": {
        "num_images": 600,
        "budgets": [
            point(0.1, 0.7, budget=0.05, price=90.0, is_reachable=False),
            point(0.39, 0.85, budget=0.4, price=12.5, is_reachable=True),
            point(0.805, 0.95, budget=0.8, price=-3.0, is_reachable=True),
        ],
        "selector": point(0.45, 0.9),
        "levels": [point(0.02, 0.1), point(0.3, 0.875), point(1.0, 0.965)],
    },
    "clothes": {
        "num_images": 20,
        "budgets": [point(0.2, 0.5, budget=0.1, price=9.0, is_reachable=False)],
        "selector": point(0.5, 0.75),
        "levels": [point(0.01, 0.1), point(0.25, 0.6), point(1.0, 0.8)],
    },
}
