//! `optimize`: a model made smaller or faster.
