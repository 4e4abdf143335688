"""Table 1 and its figures: every input subset by every target, scored slice by slice, told case by case."""
