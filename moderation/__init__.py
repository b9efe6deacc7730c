"""The domain of Evenhand: content, cases, reviews, decisions, labels, models."""
