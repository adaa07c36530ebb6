"""Whether ground truth is sound: how late it comes, of which rows, from whom; and which rows need it next."""
