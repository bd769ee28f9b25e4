/**
 * A program that loads the library as a plugin: dlopen() with RTLD_LOCAL, use, dlclose(), and again; and a thread that
 * ends only after the library was closed.
 *
 * Not linked with the library: its path is the second argument, beside the fixture's directory.
 */
static const char *last_error_of_plugin(void);
#define CHECK_LAST_ERROR() last_error_of_plugin()
#include "check.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

enum { SIDE = 48 };

static const char *library_path;
static char model_path[1024];
static void *plugin;

/* The functions that this program uses, in the types of the header. */
static struct {
    const char *(*last_error)(void);
    void (*init_options_init)(lens_init_options *options);
    lens_status (*init)(const lens_init_options *options, lens_context **context);
    void (*context_free)(lens_context *context);
    lens_status (*model_load)(const lens_context *context, const char *path, lens_model **model);
    void (*model_free)(lens_model *model);
    lens_status (*classify)(const lens_model *model, const lens_image *images, size_t count,
                            const lens_classify_options *options, lens_prediction *predictions);
    lens_status (*dataset_new)(lens_dataset **dataset);
} functions;

static const char *last_error_of_plugin(void)
{
    return functions.last_error == NULL ? "(the library is not loaded)" : functions.last_error();
}

/* ISO C has no cast from an object's address to a function's. */
static void find(const char *name, void *function, size_t size)
{
    void *address = dlsym(plugin, name);
    if (address == NULL)
        check_fail(__FILE__, __LINE__, "expected the library to have %s", name);
    CHECK_EQUAL(size, sizeof address);
    memcpy(function, &address, sizeof address);
}

#define FIND(name) find("lens_" #name, &functions.name, sizeof functions.name)

static void open_plugin(void)
{
    plugin = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL)
        check_fail(__FILE__, __LINE__, "%s", dlerror());
    FIND(last_error);
    FIND(init_options_init);
    FIND(init);
    FIND(context_free);
    FIND(model_load);
    FIND(model_free);
    FIND(classify);
    FIND(dataset_new);
}

static void close_plugin(void)
{
    memset(&functions, 0, sizeof functions);
    CHECK_EQUAL(dlclose(plugin), 0);
    plugin = NULL;
}

static lens_prediction classify_once(void)
{
    uint8_t pixels[SIDE * SIDE];
    lens_image image;
    lens_init_options options;
    lens_context *context = NULL;
    lens_model *model = NULL;
    lens_prediction prediction;
    for (int index = 0; index < SIDE * SIDE; index++)
        pixels[index] = (uint8_t)(index * 37 % 251);
    memset(&image, 0, sizeof image);
    image.pixels = pixels;
    image.width = image.height = SIDE;
    image.row_stride = SIDE;
    functions.init_options_init(&options);
    options.device = LENS_DEVICE_CPU;
    options.abi_version = LENS_ABI_VERSION;
    CHECK_OK(functions.init(&options, &context));
    CHECK_OK(functions.model_load(context, model_path, &model));
    CHECK_OK(functions.classify(model, &image, 1, NULL, &prediction));
    functions.model_free(model);
    functions.context_free(context);
    return prediction;
}

static void loads_with_its_names_to_itself(void)
{
    open_plugin();
    CHECK(dlsym(RTLD_DEFAULT, "lens_version") == NULL);
    close_plugin();
}

static void works_again_after_closing(void)
{
    lens_prediction first, again;
    open_plugin();
    first = classify_once();
    CHECK(first.probability > 0 && first.probability < 1);
    close_plugin();
    for (int round = 0; round < 3; round++) {
        open_plugin();
        again = classify_once();
        CHECK(memcmp(&first, &again, sizeof again) == 0);
        close_plugin();
    }
}

/* libtorch's threads and thread-local destructors would run into unmapped code otherwise. */
static void stays_mapped_after_closing(void)
{
    void *still_there;
    open_plugin();
    close_plugin();
    still_there = dlopen(library_path, RTLD_NOW | RTLD_NOLOAD);
    CHECK(still_there != NULL);
    dlclose(still_there);
}

static pthread_barrier_t used, closed;

static void *use_and_outlive(void *argument)
{
    int *wrong = argument;
    *wrong += functions.dataset_new(NULL) != LENS_ERROR_ARGUMENT;
    *wrong += functions.last_error()[0] == '\0';
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&closed);
    return NULL;
}

static void a_thread_outlives_the_plugin(void)
{
    pthread_t thread;
    int wrong = 0;
    CHECK_EQUAL(pthread_barrier_init(&used, NULL, 2), 0);
    CHECK_EQUAL(pthread_barrier_init(&closed, NULL, 2), 0);
    open_plugin();
    CHECK_EQUAL(pthread_create(&thread, NULL, use_and_outlive, &wrong), 0);
    pthread_barrier_wait(&used);
    close_plugin();
    pthread_barrier_wait(&closed);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    CHECK_EQUAL(wrong, 0);
}

static const struct check_test tests[] = {
    {"loads_with_its_names_to_itself", loads_with_its_names_to_itself},
    {"works_again_after_closing", works_again_after_closing},
    {"stays_mapped_after_closing", stays_mapped_after_closing},
    {"a_thread_outlives_the_plugin", a_thread_outlives_the_plugin},
};

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s DIRECTORY LIBRARY\n", argv[0]);
        return 2;
    }
    library_path = argv[2];
    snprintf(model_path, sizeof model_path, "%s/model.safetensors", argv[1]);
    return CHECK_RUN(tests);
}
