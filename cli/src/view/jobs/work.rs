//! Doing what a job asks for, a few frames at a time.

use super::frames::{Frame, decode_ahead};
use super::job::Job;
use super::progress::Progress;
use super::request::{Request, Task};
use crate::view::catalogue::ImageId;
use crate::view::results::{Classified, Mapped};
use crate::view::viewer::Viewer;
use lens_base::options::Choice;
use lens_base::{Control, Error, ErrorKind, Result, catch};
use lens_images::{ImageFile, PixelView};
use lens_tasks::classify::{ClassifyOptions, Prediction, classify};
use lens_tasks::heatmap::{Heatmap, compute_heatmaps};
use serde_json::json;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

/// Frames that go into one call of the library: at first few, for the first result is waited for; then more, as long as a
/// call is short, for full batches cost less.
const FIRST_GROUP: usize = 4;
const LARGEST_GROUP: usize = 64;
const SHORT_CALL: Duration = Duration::from_millis(500);
/// Pixels of a group beyond which it takes no more frames.
const GROUP_PIXELS: usize = 1 << 25;

/// What the library says of some images.
enum Said {
    Predictions(Vec<Prediction>),
    Heatmaps(Vec<Heatmap>),
}

/// Runs a job to its end, and tells of it.
pub fn run(viewer: &Viewer, job: &Job, request: Request) {
    let mut run = Run { viewer, job, progress: Progress::new(job, request.images.len()), request };
    let outcome = catch(|| run.images());
    let seconds = json!({ "seconds": run.progress.seconds() });
    match outcome {
        Ok(()) => job.end("finished", &seconds),
        Err(error) if error.kind() == ErrorKind::Cancelled => job.end("cancelled", &seconds),
        Err(error) => job.fail(&error),
    }
}

struct Run<'a> {
    viewer: &'a Viewer,
    job: &'a Job,
    progress: Progress<'a>,
    request: Request,
}

impl Run<'_> {
    fn images(&mut self) -> Result<()> {
        let mut images = std::mem::take(&mut self.request.images);
        images.retain(|image| {
            let known = self.tell_known(*image);
            if known {
                self.progress.skip();
            }
            !known
        });
        let (viewer, job) = (self.viewer, self.job);
        let reading = self.request.model.classifier.preprocessing().reading;
        thread::scope(|scope| {
            let decoded = decode_ahead(scope, viewer, &job.cancel, &images, reading);
            let decoded = decoded.map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
            let mut size = FIRST_GROUP;
            loop {
                let group = self.next_group(&decoded, size)?;
                if group.is_empty() {
                    return Ok(());
                }
                let start = Instant::now();
                self.group(&group)?;
                if start.elapsed() < SHORT_CALL {
                    size = (2 * size).min(LARGEST_GROUP);
                }
            }
        })
    }

    /// The next images that can be read; none: that was all.
    fn next_group(&mut self, decoded: &Receiver<Frame>, size: usize) -> Result<Vec<(ImageId, ImageFile)>> {
        let (mut group, mut pixels) = (Vec::with_capacity(size), 0);
        while group.len() < size && pixels < GROUP_PIXELS {
            self.check()?;
            match decoded.recv() {
                Ok((image, Ok(file))) => {
                    pixels += file.view().width() * file.view().height();
                    group.push((image, file));
                }
                Ok((image, Err(error))) => self.failed(image, &error)?,
                Err(_) => break,
            }
        }
        self.check()?;
        Ok(group)
    }

    fn check(&self) -> Result<()> {
        if self.job.cancel.is_triggered() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Computes some images. What one of them is refused for must not keep the others back.
    fn group(&mut self, group: &[(ImageId, ImageFile)]) -> Result<()> {
        let start = Instant::now();
        match self.compute(group) {
            Ok(said) => {
                let seconds = start.elapsed().as_secs_f64() / group.len() as f64;
                self.tell(group, said, seconds);
                Ok(())
            }
            Err(error) if is_of_the_image(&error) => match group {
                [(image, _)] => self.failed(*image, &error),
                group => group.chunks(1).try_for_each(|one| self.group(one)),
            },
            Err(error) => Err(error),
        }
    }

    fn compute(&mut self, group: &[(ImageId, ImageFile)]) -> Result<Said> {
        let views: Vec<PixelView> = group.iter().map(|(_, file)| file.view()).collect();
        let classifier = &self.request.model.classifier;
        let items = Cell::new(0);
        let progress = &mut self.progress;
        let mut control = Control::new(
            Some(Box::new(|update| {
                items.set(update.total);
                progress.update(group.len(), update);
                true
            })),
            Some(self.job.cancel.clone()),
        );
        let said = match &self.request.task {
            Task::Classify => {
                classify(classifier, &views, &ClassifyOptions::default(), &mut control).map(Said::Predictions)
            }
            Task::Heatmap { options, .. } => {
                compute_heatmaps(classifier, &views, options, &mut control).map(Said::Heatmaps)
            }
        };
        drop(control);
        if said.is_ok() {
            self.progress.computed(group.len(), items.get());
        }
        said
    }

    /// Keeps results, and tells of them.
    fn tell(&self, group: &[(ImageId, ImageFile)], said: Said, seconds: f64) {
        let model = &self.request.model;
        let images = group.iter().map(|(image, _)| *image);
        match said {
            Said::Predictions(predictions) => {
                for (image, prediction) in images.zip(predictions) {
                    let classified = Classified { image, model: Arc::clone(model), prediction, seconds };
                    self.tell_classified(&self.viewer.results.keep_classified(classified));
                }
            }
            Said::Heatmaps(heatmaps) => {
                let Task::Heatmap { options, asked, key } = &self.request.task else { return };
                for (image, heatmap) in images.zip(heatmaps) {
                    let mapped = Mapped {
                        id: String::new(),
                        image,
                        model: Arc::clone(model),
                        options: asked.clone(),
                        method: options.method.word(),
                        heatmap: Arc::new(heatmap),
                        seconds,
                    };
                    self.tell_mapped(&self.viewer.results.keep_mapped(mapped, key));
                }
            }
        }
    }

    /// Whether an image's result is known already; then it is told.
    fn tell_known(&self, image: ImageId) -> bool {
        let (results, model) = (&self.viewer.results, &self.request.model);
        match &self.request.task {
            Task::Classify => {
                results.classified(model, image).is_some_and(|classified| self.tell_classified(&classified))
            }
            Task::Heatmap { asked, key, .. } => {
                results.known(model, image, key, asked).is_some_and(|mapped| self.tell_mapped(&mapped))
            }
        }
    }

    fn tell_classified(&self, classified: &Classified) -> bool {
        let described = classified.describe(&self.viewer.catalogue.contents());
        described.is_some_and(|data| {
            self.job.tell("prediction", &data);
            true
        })
    }

    fn tell_mapped(&self, mapped: &Mapped) -> bool {
        let described = mapped.describe(&self.viewer.catalogue.contents());
        described.is_some_and(|data| {
            self.job.tell("map", &data);
            true
        })
    }

    /// Tells why an image cannot be computed; work that was cancelled or has no memory ends.
    fn failed(&mut self, image: ImageId, error: &Error) -> Result<()> {
        if !is_of_the_image(error) {
            return Err(Error::new(error.kind(), error.message()));
        }
        {
            let contents = self.viewer.catalogue.contents();
            if let Some(place) = contents.place(image) {
                let (series, frame) = (place.series, place.frame);
                self.job.tell("failed", &json!({ "series": series, "frame": frame, "message": error.message() }));
            }
        }
        self.progress.skip();
        Ok(())
    }
}

/// Whether it is this image that cannot be computed, and others can.
fn is_of_the_image(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Argument | ErrorKind::Io | ErrorKind::Format | ErrorKind::Data | ErrorKind::Unsupported
    )
}
