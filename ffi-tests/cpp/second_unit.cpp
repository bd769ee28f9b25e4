// The header in a second translation unit: what is not inline in it would be defined twice.
#include "lesionlens.hpp"

std::string version_from_second_unit() { return lesionlens::version(); }
