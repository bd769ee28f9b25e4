/* What the header asks of a compiler: compiled as C89, C11 and C++11 with every warning an error. */
#include "lesionlens.h"
#include "lesionlens.h"

lens_status (*use_a_function)(const lens_context *context, const char *path, lens_model **model) = lens_model_load;
