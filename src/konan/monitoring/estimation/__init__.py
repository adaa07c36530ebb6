"""Performance of rows whose truth is not known: estimated from answers, corrected by truths that came."""
