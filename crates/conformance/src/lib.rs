//! Conformance tests for engines: the same cases for every engine, compared with golden vectors from torchvision and
//! PyTorch or checked for properties. A case that fails panics and names the engine. Depends on the engines' interface
//! only.

#![deny(unsafe_code)]

mod agreement;
mod batch;
mod error_norms;
mod formula;
mod golden;
mod learner;
mod network;
mod parameters;
mod subject;

pub use agreement::{BATCHES, SIZES, activation_ranges_agree, engines_agree, pictures};
pub use batch::Batch;
pub use error_norms::{l2_norm, relative_l2_error};
pub use formula::uniform;
pub use golden::{Golden, POS_WEIGHT, TRAINING};
pub use learner::learners;
pub use network::networks;
pub use parameters::{extreme_parameters, golden_parameters, stable_parameters, training};
pub use subject::{Subject, Tolerances};
