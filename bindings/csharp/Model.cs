using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Lesionlens
{
    /// <summary>A trained classifier. Immutable, so thread-safe. One image gives one result, a list of images an
    /// array of results in the same order. Calls block; the ...Async ones run on the thread pool.</summary>
    public sealed class Model : LesionlensObject
    {
        internal Model(Handle handle) : base(handle)
        {
        }

        /// <summary>How image files should be read for it.</summary>
        public ReadOptions ReadOptions
        {
            get
            {
                LesionlensLibrary.Check(Native.lens_model_get_read_options(Open, out Native.lens_read_options found));
                return new ReadOptions
                {
                    Display = (Display)found.display,
                    Window = (int)found.window,
                    ApplyOrientation = found.apply_orientation == 1,
                };
            }
        }

        /// <summary>Classifies one image. OperationCanceledException when cancelled.</summary>
        public Prediction Classify(
            Image image,
            ClassifyOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            if (image == null) throw new ArgumentNullException(nameof(image));
            return Classify(new[] { image }, options, progress, cancellationToken)[0];
        }

        /// <summary>Classifies images; the predictions are in their order.</summary>
        public Prediction[] Classify(
            IReadOnlyList<Image> images,
            ClassifyOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            Handle model = Open;
            return ForEach<Native.lens_prediction>(images, progress, cancellationToken, (memory, watch, views, found) =>
            {
                Native.lens_classify_options filled = (options ?? new ClassifyOptions()).Fill(memory);
                filled.progress = watch.Callback;
                filled.cancel = watch.Token;
                return Native.lens_classify(model, views, (UIntPtr)views.Length, ref filled, found);
            }).Select(prediction => new Prediction(prediction)).ToArray();
        }

        /// <summary>Classify() on the thread pool.</summary>
        public Task<Prediction> ClassifyAsync(
            Image image,
            ClassifyOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Task.Run(() => Classify(image, options, progress, cancellationToken), cancellationToken);
        }

        /// <summary>Classify() on the thread pool.</summary>
        public Task<Prediction[]> ClassifyAsync(
            IReadOnlyList<Image> images,
            ClassifyOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Task.Run(() => Classify(images, options, progress, cancellationToken), cancellationToken);
        }

        /// <summary>Draws the heatmap of one image. OperationCanceledException when cancelled.</summary>
        public Heatmap Heatmap(
            Image image,
            HeatmapOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            if (image == null) throw new ArgumentNullException(nameof(image));
            return Heatmaps(new[] { image }, options, progress, cancellationToken)[0];
        }

        /// <summary>Draws a heatmap of each image, such as the frames of a cine; their tiles share batches.</summary>
        public Heatmap[] Heatmaps(
            IReadOnlyList<Image> images,
            HeatmapOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            Handle model = Open;
            return ForEach<IntPtr>(images, progress, cancellationToken, (memory, watch, views, found) =>
            {
                Native.lens_heatmap_options filled = (options ?? new HeatmapOptions()).Fill(memory);
                filled.progress = watch.Callback;
                filled.cancel = watch.Token;
                return Native.lens_heatmap_compute(model, views, (UIntPtr)views.Length, ref filled, found);
            }).Select(heatmap => new Heatmap(heatmap)).ToArray();
        }

        /// <summary>Heatmap() on the thread pool.</summary>
        public Task<Heatmap> HeatmapAsync(
            Image image,
            HeatmapOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Task.Run(() => Heatmap(image, options, progress, cancellationToken), cancellationToken);
        }

        /// <summary>Heatmaps() on the thread pool.</summary>
        public Task<Heatmap[]> HeatmapsAsync(
            IReadOnlyList<Image> images,
            HeatmapOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Task.Run(() => Heatmaps(images, options, progress, cancellationToken), cancellationToken);
        }

        /// <summary>Architecture, SHA-256 of the weights, preprocessing, threshold and training record, as
        /// JSON.</summary>
        public string Describe()
        {
            return LesionlensLibrary.Taken(Native.lens_model_describe(Open, out IntPtr json), json);
        }

        /// <summary>What a call of C writes for each image; the call gives its status.</summary>
        private static T[] ForEach<T>(
            IReadOnlyList<Image> images,
            IProgress<Progress> progress,
            CancellationToken cancellationToken,
            Func<CallMemory, Watch, Native.lens_image[], T[], int> call)
        {
            using (var memory = new CallMemory())
            using (var watch = new Watch(progress, cancellationToken))
            {
                Native.lens_image[] views = memory.Views(images);
                var found = new T[views.Length];
                watch.Check(call(memory, watch, views, found));
                return found;
            }
        }
    }
}
