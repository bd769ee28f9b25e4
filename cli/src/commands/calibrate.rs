//! `calibrate`: a model's temperature and threshold, set on labelled images.
