#define SELVEDGE_PATH_AVX512
#include "codec/numbers/token_path_x86.h"
