"""Titles for the demonstration: ten common subjects, each with a form; no held-out poem bears any of them."""

DEMO_TITLES: tuple[tuple[str, str], ...] = (
    ("早春", "五绝"), ("山居", "五绝"), ("独坐", "五绝"), ("登楼", "五绝"), ("寄远", "五绝"),
    ("塞下曲", "七绝"), ("早梅", "七绝"), ("留别", "七绝"), ("渡口", "七绝"), ("少年行", "七绝"),
)
