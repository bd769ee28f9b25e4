//! What every engine must do, whoever wrote it: the same cases for all of them, against golden vectors from torchvision
//! and PyTorch where there are some and against properties where there are none. A case that fails panics and names the
//! engine. Knows the interface of engines and no engine; it is for tests.

#![deny(unsafe_code)]

mod agreement;
mod batch;
mod formula;
mod golden;
mod learner;
mod measure;
mod network;
mod parameters;
mod subject;

pub use agreement::{BATCHES, SIZES, agree, agree_on_ranges, pictures};
pub use batch::Batch;
pub use formula::uniform;
pub use golden::{Golden, POS_WEIGHT, TRAINING};
pub use learner::learners;
pub use measure::{distance, length};
pub use network::networks;
pub use parameters::{decided, extreme, golden_parameters, training};
pub use subject::{Subject, Tolerances};
