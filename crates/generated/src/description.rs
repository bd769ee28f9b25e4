//! What the C interface says of itself beyond the functions in `src/capi`: its choices and options structs, what C adds to
//! them, and the order in which the header is read.

use lens_base::LogLevel;
use lens_base::Phase;
use lens_base::options::{Choice, ChoiceDescription, Field, Options};
use lens_engine::policy::{DeviceRequest, EngineRequest, PrecisionRequest, RocmTuning};
use lens_images::{DatasetOptions, Display, OnUnreadable, PixelFormat, ReadOptions, WindowFunction};
use lens_model::weights::{HeadKind, ImportOptions, Normalisation};
use lens_runtime::{ContextOptions, FileFormat, Variant};
use lens_tasks::classify::ClassifyOptions;
use lens_tasks::evaluate::{
    CalibrateOptions, EvaluateOptions, FlagCriterion, LocalizeOptions, OperatingPointChoice, OptimizeOptions,
};
use lens_tasks::heatmap::{
    Aggregate, Blend, Colormap, Edge, HeatmapOptions, Method, OverlayOptions, OverlayScale, Resolution,
};
use lens_tasks::train::{GradScaler, OptimizerKind, ScheduleKind, SelectBy, TrainOptions};

/// All choices.
pub fn choices() -> Vec<&'static ChoiceDescription> {
    vec![
        PixelFormat::DESCRIPTION,
        WindowFunction::DESCRIPTION,
        Display::DESCRIPTION,
        Phase::DESCRIPTION,
        DeviceRequest::DESCRIPTION,
        PrecisionRequest::DESCRIPTION,
        RocmTuning::DESCRIPTION,
        EngineRequest::DESCRIPTION,
        LogLevel::DESCRIPTION,
        OnUnreadable::DESCRIPTION,
        SelectBy::DESCRIPTION,
        OptimizerKind::DESCRIPTION,
        ScheduleKind::DESCRIPTION,
        GradScaler::DESCRIPTION,
        HeadKind::DESCRIPTION,
        Normalisation::DESCRIPTION,
        FileFormat::DESCRIPTION,
        OperatingPointChoice::DESCRIPTION,
        Variant::DESCRIPTION,
        Method::DESCRIPTION,
        Edge::DESCRIPTION,
        Blend::DESCRIPTION,
        Resolution::DESCRIPTION,
        Aggregate::DESCRIPTION,
        Colormap::DESCRIPTION,
        OverlayScale::DESCRIPTION,
        FlagCriterion::DESCRIPTION,
    ]
}

/// A field that a struct has in C alone.
pub struct Extra {
    pub name: &'static str,
    /// Its type in Rust.
    pub ty: &'static str,
    /// Its default in Rust.
    pub default: &'static str,
    pub documentation: &'static str,
}

/// An options struct.
pub struct OptionsStruct {
    /// Its name in C.
    pub name: &'static str,
    /// The function that takes it.
    pub function: &'static str,
    /// The library's struct.
    pub path: &'static str,
    pub documentation: &'static str,
    pub fields: Vec<Field>,
    /// Whether the call reports progress and can be cancelled.
    pub controlled: bool,
    pub extras: Vec<Extra>,
    /// The first field that the first version of the struct did not have; programs built with that are still served.
    pub grown_from: Option<&'static str>,
}

impl OptionsStruct {
    /// Moves fields to the end: those that came when programs had been built with the others.
    fn with_last(mut self, last: &[Field]) -> Self {
        let is_last = |field: &Field| last.iter().any(|one| one.name == field.name);
        let (moved, kept): (Vec<Field>, Vec<Field>) = self.fields.into_iter().partition(is_last);
        self.fields = kept.into_iter().chain(moved).collect();
        self
    }
}

fn options<T: Options>(name: &'static str, function: &'static str, path: &'static str) -> OptionsStruct {
    OptionsStruct {
        name,
        function,
        path,
        documentation: T::DOCUMENTATION,
        fields: T::default().fields(),
        controlled: true,
        extras: Vec::new(),
        grown_from: None,
    }
}

/// What `progress`, `progress_user_data` and `cancel` are.
pub fn control() -> Vec<Extra> {
    vec![
        Extra {
            name: "progress",
            ty: "lens_progress_fn",
            default: "None",
            documentation: "Called about once a batch; default NULL.",
        },
        Extra {
            name: "progress_user_data",
            ty: "*mut c_void",
            default: "ptr::null_mut()",
            documentation: "Handed to progress.",
        },
        Extra {
            name: "cancel",
            ty: "*const lens_cancel_token",
            default: "ptr::null()",
            documentation: "Stops the call when triggered; default NULL.",
        },
    ]
}

/// All options structs.
pub fn options_structs() -> Vec<OptionsStruct> {
    vec![
        OptionsStruct {
            controlled: false,
            extras: vec![
                Extra {
                    name: "abi_version",
                    ty: "u32",
                    default: "u32::MAX",
                    documentation: "LENS_ABI_VERSION of the header the program was built with, to have it compared with \
                                    the library's; default UINT32_MAX: not compared.",
                },
                Extra {
                    name: "log",
                    ty: "lens_log_fn",
                    default: "None",
                    documentation: "Receives log messages; default NULL: none.",
                },
                Extra {
                    name: "log_user_data",
                    ty: "*mut c_void",
                    default: "ptr::null_mut()",
                    documentation: "Handed to log.",
                },
            ],
            grown_from: Some("memory_fraction"),
            ..options::<ContextOptions>("lens_init_options", "lens_init", "lens_runtime::ContextOptions")
        },
        OptionsStruct {
            controlled: false,
            ..options::<ReadOptions>("lens_read_options", "lens_image_file_load", "lens_images::ReadOptions")
        },
        OptionsStruct {
            controlled: false,
            grown_from: Some("frame_column"),
            ..options::<DatasetOptions>("lens_dataset_options", "lens_dataset_open", "lens_images::DatasetOptions")
        },
        OptionsStruct {
            extras: vec![Extra {
                name: "start_model",
                ty: "*const lens_model",
                default: "ptr::null()",
                documentation: "A model with weights to start from, in place of start_weights; default NULL. The model \
                                itself is not changed.",
            }],
            grown_from: Some("optimizer"),
            ..options::<TrainOptions>("lens_train_options", "lens_train", "lens_tasks::train::TrainOptions")
                .with_last(&ReadOptions::default().fields())
        },
        OptionsStruct {
            controlled: false,
            ..options::<ImportOptions>(
                "lens_import_options",
                "lens_model_import",
                "::lens_model::weights::ImportOptions",
            )
        },
        options::<CalibrateOptions>(
            "lens_calibrate_options",
            "lens_model_calibrate",
            "lens_tasks::evaluate::CalibrateOptions",
        ),
        OptionsStruct {
            extras: vec![Extra {
                name: "calibration",
                ty: "*const lens_dataset",
                default: "ptr::null()",
                documentation: "LENS_OPTIMIZED_VARIANT_INT8: images like those to be classified, a few hundred of both \
                                classes; labels do not matter. Default NULL, as all other variants want it.",
            }],
            ..options::<OptimizeOptions>(
                "lens_optimize_options",
                "lens_model_optimize",
                "lens_tasks::evaluate::OptimizeOptions",
            )
        },
        options::<ClassifyOptions>("lens_classify_options", "lens_classify", "lens_tasks::classify::ClassifyOptions"),
        OptionsStruct {
            grown_from: Some("resolution"),
            ..options::<HeatmapOptions>(
                "lens_heatmap_options",
                "lens_heatmap_compute",
                "lens_tasks::heatmap::HeatmapOptions",
            )
        },
        OptionsStruct {
            controlled: false,
            grown_from: Some("color_bar"),
            ..options::<OverlayOptions>(
                "lens_overlay_options",
                "lens_heatmap_overlay",
                "lens_tasks::heatmap::OverlayOptions",
            )
        },
        OptionsStruct {
            extras: vec![Extra {
                name: "heatmap",
                ty: "*const lens_heatmap_options",
                default: "ptr::null()",
                documentation: "How heatmaps are drawn; its threshold, progress and cancel are not used, its resolution \
                                must be LENS_HEATMAP_RESOLUTION_IMAGE. Default NULL: with by_heatmap \
                                lens_heatmap_compute()'s defaults, otherwise class activation maps at the model's size, \
                                whose mean is the call's logit.",
            }],
            grown_from: Some("by_heatmap"),
            ..options::<EvaluateOptions>(
                "lens_evaluate_options",
                "lens_evaluate",
                "lens_tasks::evaluate::EvaluateOptions",
            )
        },
        OptionsStruct {
            extras: vec![Extra {
                name: "heatmap",
                ty: "*const lens_heatmap_options",
                default: "ptr::null()",
                documentation: "How heatmaps are drawn; its threshold, progress and cancel are not used, its resolution \
                                must be LENS_HEATMAP_RESOLUTION_IMAGE. Default NULL: lens_heatmap_compute()'s defaults.",
            }],
            ..options::<LocalizeOptions>(
                "lens_localize_options",
                "lens_localize",
                "lens_tasks::evaluate::LocalizeOptions",
            )
        },
    ]
}

/// The header's sections in the order of use: their titles, and files of `src/capi`. Generated choices and options stand
/// with the first file whose functions need them.
pub const SECTIONS: &[(&str, &[&str])] = &[
    ("Version, status and errors", &["version", "status", "guard", "text"]),
    ("Images", &["image", "image_file", "series"]),
    ("Progress and cancelling", &["progress", "cancel"]),
    ("Setting up", &["context"]),
    ("Data sets", &["dataset"]),
    ("Training", &["train"]),
    ("Models", &["model", "optimize", "calibrate"]),
    ("Classifying", &["classify"]),
    ("Heatmaps", &["heatmap", "overlay"]),
    ("Evaluating", &["evaluate", "metrics", "localize"]),
];
