#define SELVEDGE_PATH_AVX2
#include "codec/numbers/token_path_x86.h"
