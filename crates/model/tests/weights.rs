//! Files written by PyTorch (tests/golden/weights.py).

use flate2::read::GzDecoder;
use lens_model::weights::{self, HeadRule, TensorData, WeightsOptions, check_parameters, densenet_tensors};
use lens_model::{LAYOUT, Model, Parameters, start_parameters};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Read;
use std::time::{Duration, Instant};

const CHECKPOINTS: [&str; 4] = ["legacy_1000.pth.gz", "zip_1.pt.gz", "zip_compiled.pt.gz", "plain_1.safetensors.gz"];
const KINDS: [&str; 5] =
    ["kinds_zip_2.pt", "kinds_zip_5.pt", "kinds_legacy_2.pt", "kinds_legacy_5.pt", "kinds_plain.safetensors"];
const OTHERS: [&str; 4] = ["module_zip.pt", "module_legacy.pt", "script.pt", "exported.pt2"];

fn file(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/weights").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if !name.ends_with(".gz") {
        return bytes;
    }
    let mut content = Vec::new();
    GzDecoder::new(&bytes[..]).read_to_end(&mut content).unwrap();
    content
}

fn expected(section: &str) -> HashMap<String, Value> {
    let all: Value = serde_json::from_slice(&file("expected.json")).unwrap();
    serde_json::from_value(all[section].clone()).unwrap()
}

fn sha256(tensor: &TensorData) -> String {
    let mut hash = Sha256::new();
    for value in tensor.values().unwrap() {
        hash.update(value.to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn values_of_every_format() {
    for name in CHECKPOINTS {
        let bytes = file(name);
        let named = densenet_tensors(weights::read(&bytes).unwrap()).unwrap();
        check_parameters(&named).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut expected = expected("densenet");
        if name == "legacy_1000.pth.gz" {
            // These have no num_batches_tracked, and another head.
            expected.retain(|key, _| !key.ends_with("num_batches_tracked") && !key.starts_with("classifier"));
        }
        for (key, tensor) in &named.tensors {
            let Some(wanted) = expected.remove(key) else { continue };
            if let Some(hash) = wanted["sha256"].as_str() {
                assert_eq!(sha256(tensor), hash, "{name} {key}");
            }
        }
        assert!(expected.is_empty(), "{name}: {expected:?}");
        // The layout has torchvision's order, if the format keeps one.
        if !name.starts_with("plain") {
            let floats = named.tensors.iter().filter(|(key, _)| !key.ends_with("num_batches_tracked"));
            assert!(floats.zip(LAYOUT.parameters()).all(|((key, _), spec)| *key == spec.name), "{name}");
        }
    }
}

#[test]
fn name_changes_are_reported() {
    let changes = |name: &str| {
        let bytes = file(name);
        let named = densenet_tensors(weights::read(&bytes).unwrap()).unwrap();
        (named.renamed, named.outputs(), named.prefix)
    };
    // 58 dense layers with two norms of four tensors and two convolutions.
    assert_eq!(changes("legacy_1000.pth.gz"), (58 * 10, Some(1000), String::new()));
    assert_eq!(changes("zip_compiled.pt.gz"), (0, Some(1), "module._orig_mod.".to_string()));
    for name in ["zip_1.pt.gz", "plain_1.safetensors.gz"] {
        assert_eq!(changes(name), (0, Some(1), String::new()));
    }
}

#[test]
fn tensor_types_and_strides() {
    for name in KINDS {
        let bytes = file(name);
        let state = weights::read(&bytes).unwrap();
        let mut expected = expected("kinds");
        assert!(state.others.is_empty(), "{name}: {:?}", state.others);
        for (key, tensor) in &state.tensors {
            let wanted = expected.remove(key).unwrap();
            let shape: Vec<usize> = serde_json::from_value(wanted["shape"].clone()).unwrap();
            assert_eq!(
                (tensor.dtype().name(), tensor.shape()),
                (wanted["dtype"].as_str().unwrap(), &shape[..]),
                "{key}"
            );
            match wanted["sha256"].as_str() {
                Some(hash) => assert_eq!(sha256(tensor), hash, "{name} {key}"),
                None => assert!(tensor.values().unwrap_err().message().contains(tensor.dtype().name())),
            }
        }
        assert!(expected.is_empty(), "{name}: {expected:?}");
    }
}

#[test]
fn other_files_are_named() {
    for (name, sign) in OTHERS.into_iter().zip([
        "it asks for torch.nn.modules.linear.Linear, so a whole network was saved",
        "it asks for torch.nn.modules.linear.Linear, so a whole network was saved",
        "a TorchScript program",
        "a program saved by torch.export",
    ]) {
        let error = weights::read(&file(name)).unwrap_err();
        assert!(error.message().contains(sign), "{name}: {error}");
    }
    let mut tar = vec![0; 1024];
    tar[..8].copy_from_slice(b"storages");
    tar[257..262].copy_from_slice(b"ustar");
    assert!(weights::read(&tar).unwrap_err().message().contains("is a tar archive"));
    for nothing in [&b""[..], b"nonsense", b"PK\x03\x04", b"\x80", b"12345678{"] {
        assert!(weights::read(nothing).is_err());
    }
}

#[test]
fn other_network_is_refused_with_differences() {
    let bytes = file("kinds_zip_2.pt");
    let named = densenet_tensors(weights::read(&bytes).unwrap()).unwrap();
    let error = check_parameters(&named).unwrap_err();
    for part in ["606 missing: features.conv0.weight, ", "20 extra: bfloat16, bytes, "] {
        assert!(error.message().contains(part), "{error}");
    }
    let bytes = file("zip_1.pt.gz");
    let mut named = densenet_tensors(weights::read(&bytes).unwrap()).unwrap();
    // Two adjacent parameters of different shapes are swapped.
    let (first, second) = (named.tensors[0].0.clone(), named.tensors[1].0.clone());
    (named.tensors[0].0, named.tensors[1].0) = (second, first);
    let error = check_parameters(&named).unwrap_err();
    assert!(error.message().contains("features.conv0.weight is [64], not [64, 3, 7, 7]"), "{error}");
}

/// A file with some bytes changed, or cut off, or a piece of it moved.
fn spoilt(bytes: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut spoilt = bytes.to_vec();
    let position = |random: &mut ChaCha8Rng| random.random_range(0..bytes.len());
    match random.random_range(0..4) {
        0 => spoilt.truncate(position(random)),
        1 => {
            let (from, to) = (position(random), position(random));
            let length = random.random_range(1..64).min(bytes.len() - from.max(to));
            spoilt[to..to + length].copy_from_slice(&bytes[from..from + length]);
        }
        _ => {
            for _ in 0..random.random_range(1..8) {
                let at = position(random);
                spoilt[at] = if random.random() {
                    random.next_u32() as u8
                } else {
                    spoilt[at] ^ (1 << random.random_range(0..8))
                };
            }
        }
    }
    spoilt
}

#[test]
fn corrupted_files_are_errors() {
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let mut refused = 0;
    for (names, rounds) in [(&KINDS[..], 3000), (&OTHERS, 1000), (&CHECKPOINTS, 100)] {
        for name in names {
            let whole = file(name);
            // The beginning of a large file, where the names are; elsewhere only values would change.
            let bytes = if whole.len() > 1 << 21 { &whole[..1 << 18] } else { &whole[..] };
            for round in 0..rounds {
                let changed = spoilt(bytes, &mut random);
                let start = Instant::now();
                match weights::read(&changed) {
                    Ok(state) => {
                        for (_, tensor) in &state.tensors {
                            // Shapes are checked before values are read; a corrupted shape may be of any size.
                            if tensor.shape().iter().product::<usize>() < 1 << 20 {
                                let _ = tensor.values();
                            }
                        }
                    }
                    Err(error) => {
                        refused += 1;
                        assert!(!error.message().is_empty() && error.message().len() < 2000, "{name} {round}: {error}");
                    }
                }
                assert!(start.elapsed() < Duration::from_secs(10), "{name} {round}");
            }
        }
    }
    assert!(refused > 5000, "{refused}");
}

#[test]
fn head_with_other_outputs_is_initialised() {
    let bytes = file("legacy_1000.pth.gz");
    let start = start_parameters(&bytes, &WeightsOptions::default(), 5).unwrap();
    assert_eq!((start.record.head.rule, start.record.head.outputs), (HeadRule::Random, 1000));
    let initial = Parameters::initial(5).unwrap();
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        let same = start.parameters.of(index) == initial.of(index);
        assert_eq!(same, spec.name.starts_with("classifier"), "{}", spec.name);
    }
    // It is refused as a model.
    let error = Model::parse(&bytes).unwrap_err();
    assert!(error.message().contains("the head has 1000 outputs"), "{error}");
}
