# Slicer writes here what other extensions need of this one; nobody does.
