//! The policy for the machines of the fixtures and reports of their runtimes.

use super::*;
use crate::gpu_report::{GpuReport, ReportedGpu};
use crate::machines::machine;
use lens_base::ErrorKind;
use lens_system::probe::Vendor;

const MIB: u64 = 1 << 20;
const ALL_VENDORS: [Vendor; 2] = [Vendor::Nvidia, Vendor::Amd];

/// A runtime with one GPU.
fn one_gpu(vendor: Vendor, address: &str, capability: Option<(i32, i32)>, total_mib: u64, free_mib: u64) -> Attempt {
    let gpu = ReportedGpu {
        address: Some(address.into()),
        capability,
        total_bytes: total_mib * MIB,
        free_bytes: free_mib * MIB,
    };
    Attempt { vendor, outcome: Ok(GpuReport { vendor, gpus: vec![gpu] }) }
}

fn fails(vendor: Vendor, reason: &str) -> Attempt {
    Attempt { vendor, outcome: Err(reason.into()) }
}

fn on(name: &str, attempts: &[Attempt], request: &PolicyRequest) -> Result<Policy> {
    let probe = machine(name);
    let plan = plan_device(&probe, request, &ALL_VENDORS);
    let tried: Vec<Vendor> = attempts.iter().map(|attempt| attempt.vendor).collect();
    assert!(plan.attempts.starts_with(&tried), "{name}: {plan:?}");
    decide(&probe, &plan, attempts, request)
}

/// The decisions that are compared for each machine.
#[derive(Debug, PartialEq)]
struct Row {
    device: &'static str,
    precision: Precision,
    scaler: Option<ScalerSettings>,
    tf32: bool,
    benchmark: bool,
    fraction: f64,
    empty_cache: u32,
    graph: bool,
    turns: bool,
    start: StartBatch,
    pixels: Option<usize>,
}

impl Row {
    fn of(policy: &Policy) -> Self {
        Row {
            device: policy.device.value,
            precision: policy.precision.value,
            scaler: policy.grad_scaler.value,
            tf32: policy.tf32.value,
            benchmark: policy.benchmark.value,
            fraction: policy.memory_fraction.value,
            empty_cache: policy.empty_cache_every.value,
            graph: policy.compiled_graph.value,
            turns: policy.take_turns.value,
            start: policy.start_batch.value,
            pixels: policy.batch_pixels.value,
        }
    }
}

fn nvidia(training: usize) -> Row {
    Row {
        device: "cuda",
        precision: Precision::Bf16,
        scaler: None,
        tf32: true,
        benchmark: false,
        fraction: 1.0,
        empty_cache: 0,
        graph: true,
        turns: true,
        start: StartBatch { training, inference: 128 },
        pixels: Some(1 << 22),
    }
}

fn amd() -> Row {
    Row {
        device: "rocm",
        precision: Precision::F16,
        scaler: Some(ScalerSettings::AMD),
        tf32: false,
        benchmark: true,
        fraction: 0.85,
        empty_cache: 100,
        graph: false,
        ..nvidia(128)
    }
}

fn cpu(training: usize) -> Row {
    Row {
        device: "cpu",
        precision: Precision::F32,
        tf32: false,
        benchmark: false,
        graph: true,
        turns: false,
        pixels: None,
        ..nvidia(training)
    }
}

#[test]
fn decisions_by_machine() {
    let (card, xtx) = ("0000:01:00.0", "0000:03:00.0");
    for (name, attempts, expected) in [
        ("rtx-4080-super", vec![one_gpu(Vendor::Nvidia, card, Some((8, 9)), 15_940, 15_500)], nvidia(128)),
        ("rtx-4050-laptop", vec![one_gpu(Vendor::Nvidia, card, Some((8, 9)), 5_800, 5_600)], nvidia(128)),
        // The reference's batch does not fit into 4 GB.
        ("rtx-3050-laptop", vec![one_gpu(Vendor::Nvidia, card, Some((8, 6)), 3_900, 3_750)], nvidia(119)),
        ("h100", vec![one_gpu(Vendor::Nvidia, "0000:04:00.0", Some((9, 0)), 81_000, 80_500)], nvidia(128)),
        ("rx-7900-xtx", vec![one_gpu(Vendor::Amd, xtx, None, 24_560, 24_400)], amd()),
        (
            "mi300x",
            vec![one_gpu(Vendor::Amd, "0000:05:00.0", None, 196_592, 196_000)],
            Row { precision: Precision::Bf16, scaler: None, ..amd() },
        ),
        ("workstation", vec![one_gpu(Vendor::Nvidia, "0000:0a:00.0", Some((8, 9)), 15_940, 15_500)], nvidia(128)),
        (
            "workstation",
            vec![fails(Vendor::Nvidia, "no driver"), one_gpu(Vendor::Amd, xtx, None, 24_560, 24_400)],
            amd(),
        ),
        ("integrated-amd", vec![], cpu(128)),
        ("no-gpu", vec![], cpu(128)),
        ("container", vec![], cpu(128)),
    ] {
        let policy = on(name, &attempts, &PolicyRequest::default()).unwrap();
        assert_eq!(Row::of(&policy), expected, "{name}");
        assert!(policy.channels_last.value, "{name}");
    }
}

#[test]
fn runtime_report_precedes_device_id() {
    for (capability, precision, tf32) in [
        (Some((8, 6)), Precision::Bf16, true),
        (Some((7, 5)), Precision::F16, false),
        // By the device id.
        (None, Precision::Bf16, true),
    ] {
        let attempt = one_gpu(Vendor::Nvidia, "0000:01:00.0", capability, 8_000, 7_000);
        let policy = on("rtx-3050-laptop", &[attempt], &PolicyRequest::default()).unwrap();
        assert_eq!((policy.precision.value, policy.tf32.value), (precision, tf32), "{capability:?}");
    }
    // A GPU unknown to the probe, as in a sandbox: fp16 works on all.
    let request = PolicyRequest { device: DeviceRequest::Cuda, ..PolicyRequest::default() };
    let attempt = one_gpu(Vendor::Nvidia, "0000:99:00.0", None, 8_000, 7_000);
    let policy = on("no-gpu", &[attempt], &request).unwrap();
    assert_eq!((policy.precision.value, policy.grad_scaler.value), (Precision::F16, Some(ScalerSettings::STANDARD)));
}

#[test]
fn skipped_gpus_have_reasons() {
    for (name, available, attempts, reason) in [
        ("no-gpu", &ALL_VENDORS[..], &[][..], "no NVIDIA or AMD GPU was found"),
        ("integrated-amd", &ALL_VENDORS, &[], "no kernels for gfx90c"),
        ("rtx-4080-super", &[], &[], "no libtorch_cuda.so"),
        ("workstation", &[Vendor::Amd], &[Vendor::Amd], "0000:0a:00.0"),
        ("workstation", &ALL_VENDORS, &ALL_VENDORS, ""),
    ] {
        let plan = plan_device(&machine(name), &PolicyRequest::default(), available);
        assert_eq!(plan.attempts, attempts, "{name}");
        assert!(plan.skip_reasons.join("; ").contains(reason), "{name}: {plan:?}");
    }
    let mut probe = machine("rtx-4080-super");
    probe.gpus[0].driver = Some("vfio-pci".into());
    let plan = plan_device(&probe, &PolicyRequest::default(), &ALL_VENDORS);
    assert!(plan.attempts.is_empty() && plan.skip_reasons[0].contains("vfio-pci"), "{plan:?}");
}

#[test]
fn requested_gpu_fails_and_automatic_falls_back() {
    let attempts = [fails(Vendor::Nvidia, "libcudnn.so.9 is missing")];
    let request = PolicyRequest { device: DeviceRequest::Cuda, ..PolicyRequest::default() };
    let error = on("rtx-4080-super", &attempts, &request).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
    assert!(error.message().contains("libcudnn.so.9 is missing"), "{error}");
    let policy = on("rtx-4080-super", &attempts, &PolicyRequest::default()).unwrap();
    assert_eq!(policy.device.value, "cpu");
    assert!(policy.device.reason.contains("libcudnn.so.9 is missing"), "{}", policy.device.reason);

    let attempts = [one_gpu(Vendor::Nvidia, "0000:01:00.0", Some((8, 9)), 16_000, 15_000)];
    for (device, kind) in [(DeviceRequest::Cuda, ErrorKind::Device), (DeviceRequest::Auto, ErrorKind::Argument)] {
        let request = PolicyRequest { device, device_index: 3, ..PolicyRequest::default() };
        let error = on("rtx-4080-super", &attempts, &request).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.message().contains("device_index is 3") && error.message().contains("1 device"), "{error}");
    }
}

#[test]
fn requests_override_every_decision() {
    for (name, attempts) in [
        ("no-gpu", vec![]),
        ("h100", vec![one_gpu(Vendor::Nvidia, "0000:04:00.0", Some((9, 0)), 81_000, 80_500)]),
        ("rx-7900-xtx", vec![one_gpu(Vendor::Amd, "0000:03:00.0", None, 24_560, 24_400)]),
    ] {
        for asked in [false, true] {
            let request = PolicyRequest {
                precision: PrecisionRequest::F32,
                threads: 3,
                memory_cap: 512 * MIB,
                deterministic: asked,
                take_turns: Some(asked),
                channels_last: Some(asked),
                tf32: Some(asked),
                benchmark: Some(asked),
                memory_fraction: Some(0.25),
                empty_cache_every: Some(9),
                ..PolicyRequest::default()
            };
            let policy = on(name, &attempts, &request).unwrap();
            assert_eq!(policy.precision.value, Precision::F32, "{name}");
            assert_eq!(policy.threads.value, 3, "{name}");
            assert_eq!(policy.cache_bytes.value, 512 * MIB, "{name}");
            assert_eq!(policy.memory_bytes.value, Some(512 * MIB), "{name}");
            assert_eq!(policy.memory_fraction.value, 0.25, "{name}");
            assert_eq!(policy.empty_cache_every.value, 9, "{name}");
            for decision in [&policy.take_turns, &policy.channels_last, &policy.tf32, &policy.benchmark] {
                assert_eq!(decision, &Decision::new(asked, "as asked for"), "{name}");
            }
        }
    }
}

#[test]
fn deterministic_disables_benchmark_and_f32_disables_tf32() {
    let attempts = [one_gpu(Vendor::Nvidia, "0000:04:00.0", Some((9, 0)), 81_000, 80_500)];
    let request = PolicyRequest { deterministic: true, precision: PrecisionRequest::F32, ..PolicyRequest::default() };
    let policy = on("h100", &attempts, &request).unwrap();
    assert!(policy.deterministic.value && !policy.benchmark.value && !policy.tf32.value);
}

#[test]
fn gpu_memory_budget() {
    let free = |vendor, total, free, fraction| {
        let name = if vendor == Vendor::Amd { "rx-7900-xtx" } else { "h100" };
        let address = if vendor == Vendor::Amd { "0000:03:00.0" } else { "0000:04:00.0" };
        let request = PolicyRequest { memory_fraction: fraction, ..PolicyRequest::default() };
        on(name, &[one_gpu(vendor, address, None, total, free)], &request).unwrap().memory_bytes.value.unwrap() / MIB
    };
    assert_eq!(free(Vendor::Nvidia, 10_000, 8_000, None), 8_000 * 9 / 10 - 256);
    assert_eq!(free(Vendor::Amd, 10_000, 10_000, None), 8_500 * 9 / 10 - 256);
    assert_eq!(free(Vendor::Amd, 10_000, 10_000, Some(0.5)), 5_000 * 9 / 10 - 256);
    assert_eq!(free(Vendor::Nvidia, 10_000, 100, None), 0);
}

#[test]
fn threads_by_machine_and_request() {
    for (threads, limit, asked, expected) in [
        (Some(16), None, 0, 16),
        (Some(16), Some(1.5), 0, 2),
        (Some(16), Some(0.2), 0, 1),
        (Some(2), Some(64.0), 0, 2),
        (None, None, 0, 1),
        (Some(16), Some(1.5), 5, 5),
    ] {
        let mut probe = machine("no-gpu");
        (probe.cpu.threads, probe.cpu.container_limit) = (threads, limit);
        let request = PolicyRequest { threads: asked, ..PolicyRequest::default() };
        let policy = decide(&probe, &DevicePlan::default(), &[], &request).unwrap();
        assert_eq!(policy.threads.value, expected, "{threads:?} {limit:?} {asked}: {}", policy.threads.reason);
    }
}

#[test]
fn container_bounds_memory() {
    let policy = on("container", &[], &PolicyRequest::default()).unwrap();
    assert_eq!(policy.memory_bytes.value, Some(4096 * MIB));
    assert_eq!(policy.cache_bytes.value, 1024 * MIB);
    assert_eq!(policy.threads.value, 2);
}

#[test]
fn half_precision_on_cpu_only_on_request() {
    for (name, precision, reason) in
        [("h100", PrecisionRequest::Bf16, "in hardware"), ("no-gpu", PrecisionRequest::Bf16, "slower than F32")]
    {
        let request = PolicyRequest { device: DeviceRequest::Cpu, precision, ..PolicyRequest::default() };
        let policy = on(name, &[], &request).unwrap();
        assert_eq!(policy.precision.value, Precision::Bf16);
        assert!(policy.precision.reason.contains(reason), "{}", policy.precision.reason);
        let request = PolicyRequest { precision: PrecisionRequest::Auto, ..request };
        assert_eq!(on(name, &[], &request).unwrap().precision.value, Precision::F32);
    }
}

#[test]
fn device_index_of_the_cpu() {
    let error = on("no-gpu", &[], &PolicyRequest { device_index: 3, ..PolicyRequest::default() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.message().contains("device_index is 3"), "{error}");
}

#[test]
fn engine_by_processor_request_precision_and_device() {
    use EngineRequest as Engine;
    let avx2 = ["avx", "avx2", "fma"].map(String::from).to_vec();
    let avx512 = [&avx2[..], &["avx512f".to_string()]].concat();
    let f32 = PrecisionRequest::Auto;
    for (features, asked, precision, expected) in [
        (&avx512, Engine::Auto, f32, Some("plan-avx512")),
        (&avx2, Engine::Auto, f32, Some("plan-avx2")),
        (&vec![], Engine::Auto, f32, Some("plan-portable")),
        (&avx512, Engine::Auto, PrecisionRequest::Bf16, Some("torch")),
        (&avx512, Engine::Torch, f32, Some("torch")),
        (&avx512, Engine::Plan, f32, Some("plan-avx512")),
        (&vec![], Engine::Plan, f32, Some("plan-portable")),
        (&avx512, Engine::Plan, PrecisionRequest::Bf16, None),
        (&avx512, Engine::PlanAvx2, f32, Some("plan-avx2")),
        (&vec!["avx2".to_string()], Engine::PlanAvx2, f32, None),
        (&avx512, Engine::PlanPortable, f32, Some("plan-portable")),
    ] {
        let mut probe = machine("container");
        probe.cpu.features.clone_from(features);
        let request = PolicyRequest { engine: asked, precision, ..PolicyRequest::default() };
        let found = decide(&probe, &plan_device(&probe, &request, &[]), &[], &request);
        assert_eq!(
            found.ok().map(|policy| policy.engine.value.as_str()),
            expected,
            "{features:?} {asked:?} {precision:?}"
        );
    }
    let vnni = [&avx512[..], &["avx512_vnni".to_string()]].concat();
    for (features, asked, expected) in [
        (&vnni, Engine::Auto, Some(true)),
        (&vnni, Engine::Plan, Some(true)),
        (&vnni, Engine::PlanAvx2, None),
        (&vnni, Engine::Torch, None),
        (&avx512, Engine::Auto, None),
    ] {
        let mut probe = machine("container");
        probe.cpu.features.clone_from(features);
        let request = PolicyRequest { engine: asked, precision: PrecisionRequest::Int8, ..PolicyRequest::default() };
        let found = decide(&probe, &plan_device(&probe, &request, &[]), &[], &request);
        assert_eq!(found.ok().map(|policy| policy.int8.value), expected, "{features:?} {asked:?}");
    }
    let gpu = || [one_gpu(Vendor::Nvidia, "0000:04:00.0", Some((9, 0)), 80_000, 79_000)];
    let with = |engine| on("h100", &gpu(), &PolicyRequest { engine, ..PolicyRequest::default() });
    assert_eq!(with(Engine::Auto).unwrap().engine.value.as_str(), "torch");
    let refused = with(Engine::Plan).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.message().contains("CPU only"), "{refused}");
}
