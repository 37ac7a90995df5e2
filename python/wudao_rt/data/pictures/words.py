"""Words of captions that no source gives: how a vendor draws, and the categories in Chinese."""

from __future__ import annotations

STYLES: dict[str, tuple[str, str]] = {
    "twitter": ("flat style", "扁平风格"),
    "google": ("noto style", "noto 风格"),
}
"""English and Chinese words for the style of a vendor."""

STAMP_CATEGORIES = {"naturalforces": "natural forces"}
"""Folders of stamps whose name is no English word."""

CATEGORIES_ZH: dict[str, str] = {
    "Activities": "活动",
    "Animals & Nature": "动物与自然",
    "Component": "组件",
    "Flags": "旗帜",
    "Food & Drink": "食物与饮料",
    "Objects": "物品",
    "People & Body": "人物与身体",
    "Smileys & Emotion": "表情与情感",
    "Symbols": "符号",
    "Travel & Places": "旅行与地点",
    "animals": "动物",
    "clothes": "衣物",
    "food": "食物",
    "hobbies": "爱好",
    "household": "家居",
    "medical": "医疗",
    "military": "军事",
    "natural forces": "自然现象",
    "people": "人物",
    "plants": "植物",
    "seasonal": "节日",
    "space": "太空",
    "sports": "体育",
    "symbols": "符号",
    "town": "城镇",
    "vehicles": "交通工具",
}
