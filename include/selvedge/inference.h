/* Selvedge models from other programs: load a model package, look at pictures, compute (C99).
 *
 * A package (docs/spec/model_package.md, made by `selvedge model import`) holds a model and all that
 * belongs around it: how pixels become numbers, how numbers become boxes, labels. ONNX Runtime is opened
 * when the first model is loaded, and is not part of this library; where it is looked for is said at
 * selvedge_model_load().
 *
 * Rules:
 *   - Bytes from outside may be anything: damage is an error, never a read or write outside.
 *   - No exception or signal crosses; a function that fails returns NULL or a status other than
 *     SELVEDGE_INFERENCE_OK, and selvedge_inference_error() says why, for the calling thread.
 *   - A model may be used by any number of threads at once, since it is only ever taken as const; each
 *     call runs on the thread that makes it. An answer belongs to whoever asked; several threads may
 *     read it. Nothing may be freed while a call uses it.
 *   - Strings, spans and arrays that are handed out belong to the object and live as long as it.
 */
#ifndef SELVEDGE_INFERENCE_H
#define SELVEDGE_INFERENCE_H

#include <stddef.h>
#include <stdint.h>

#ifndef SELVEDGE_API
#if defined(__GNUC__)
#define SELVEDGE_API __attribute__((visibility("default")))
#else
#define SELVEDGE_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when functions are added; functions are never changed or taken away within one major version
 * of the library. Structures never change. */
#define SELVEDGE_INFERENCE_API_VERSION 1
SELVEDGE_API uint32_t selvedge_inference_api_version(void);

typedef enum selvedge_inference_status {
  SELVEDGE_INFERENCE_OK = 0,
  SELVEDGE_INFERENCE_INVALID_INPUT = 1, /* the call, the package or the picture is wrong */
  SELVEDGE_INFERENCE_CORRUPT = 2,       /* the bytes are damaged */
  SELVEDGE_INFERENCE_NO_MEMORY = 3,
  SELVEDGE_INFERENCE_UNAVAILABLE = 4,   /* there is no model runtime */
  SELVEDGE_INFERENCE_NOT_FOUND = 5,     /* a file, or an index */
  SELVEDGE_INFERENCE_CONFLICT = 6,      /* a golden example comes out otherwise */
  SELVEDGE_INFERENCE_TOO_LARGE = 7,     /* above a bound */
  SELVEDGE_INFERENCE_INTERNAL = 8
} selvedge_inference_status;

/* Why the last call of this thread failed; "" if none did. Valid until the next call. */
SELVEDGE_API const char* selvedge_inference_error(void);
SELVEDGE_API selvedge_inference_status selvedge_inference_last_status(void);

/* ---- Models ----------------------------------------------------------------------------------- */

typedef struct selvedge_model selvedge_model;

/* Loads a package and runs it once to warm up; 50 to 300 ms. The bytes are not needed after. `runtime` is
 * the path of ONNX Runtime's library, or NULL to look for it: $SELVEDGE_ONNXRUNTIME, ../lib/selvedge
 * beside the program, the system's libraries, ~/.cache/selvedge/onnxruntime. */
SELVEDGE_API selvedge_model* selvedge_model_load(const void* package, size_t size, const char* runtime);
SELVEDGE_API selvedge_model* selvedge_model_load_file(const char* path, const char* runtime);
SELVEDGE_API void selvedge_model_free(selvedge_model* model); /* NULL is fine */

typedef enum selvedge_task {
  SELVEDGE_DETECTION = 0,
  SELVEDGE_CLASSIFICATION = 1,
  SELVEDGE_SEGMENTATION = 2,
  SELVEDGE_SERIES = 3,
  SELVEDGE_TENSORS = 4
} selvedge_task;

SELVEDGE_API const char* selvedge_model_name(const selvedge_model* model);
SELVEDGE_API selvedge_task selvedge_model_task(const selvedge_model* model);
/* Of ONNX Runtime, as "1.28.2". */
SELVEDGE_API const char* selvedge_model_runtime_version(const selvedge_model* model);
SELVEDGE_API size_t selvedge_model_label_count(const selvedge_model* model);
/* NULL if there is no such label. */
SELVEDGE_API const char* selvedge_model_label(const selvedge_model* model, size_t label);
/* Runs the package's golden examples. SELVEDGE_INFERENCE_CONFLICT: one does not come out. */
SELVEDGE_API selvedge_inference_status selvedge_model_check(const selvedge_model* model);

/* ---- Pictures --------------------------------------------------------------------------------- */

typedef struct selvedge_look_options {
  float threshold;                /* least score; below 0: the package's */
  float top, left, bottom, right; /* part of the picture, as shares of it; all 0: the whole */
} selvedge_look_options;

typedef struct selvedge_answer selvedge_answer;

/* A JPEG, PNG or BMP file in memory. `options` may be NULL. */
SELVEDGE_API selvedge_answer* selvedge_model_look(const selvedge_model* model, const void* file, size_t size,
                                                  const selvedge_look_options* options);
/* Pixels: red, green, blue, one byte each; `stride` bytes from row to row (0: no gaps). */
SELVEDGE_API selvedge_answer* selvedge_model_look_rgb(const selvedge_model* model, const uint8_t* pixels, uint32_t width,
                                                      uint32_t height, size_t stride, const selvedge_look_options* options);
SELVEDGE_API void selvedge_answer_free(selvedge_answer* answer); /* NULL is fine */

typedef struct selvedge_detection {
  int32_t label;
  const char* name; /* "" where there are no labels */
  float score;      /* 0 to 1 */
  float top, left, bottom, right; /* as shares of the picture */
} selvedge_detection;

typedef struct selvedge_class {
  int32_t label;
  const char* name;
  float score;
} selvedge_class;

typedef struct selvedge_timings { /* nanoseconds */
  int64_t decode, prepare, infer, finish;
} selvedge_timings;

/* Size of the picture as it was given. */
SELVEDGE_API void selvedge_answer_size(const selvedge_answer* answer, uint32_t* width, uint32_t* height);
/* Best first. */
SELVEDGE_API size_t selvedge_answer_detection_count(const selvedge_answer* answer);
SELVEDGE_API selvedge_inference_status selvedge_answer_detection(const selvedge_answer* answer, size_t index,
                                                                 selvedge_detection* detection);
SELVEDGE_API size_t selvedge_answer_class_count(const selvedge_answer* answer);
SELVEDGE_API selvedge_inference_status selvedge_answer_class(const selvedge_answer* answer, size_t index,
                                                             selvedge_class* ranked);
/* One label for each cell of a grid over the picture, row by row; NULL if the model makes no mask. */
SELVEDGE_API const uint8_t* selvedge_answer_mask(const selvedge_answer* answer, uint32_t* width, uint32_t* height);
SELVEDGE_API void selvedge_answer_timings(const selvedge_answer* answer, selvedge_timings* timings);

/* ---- Numbers ---------------------------------------------------------------------------------- */

/* As in ONNX. */
typedef enum selvedge_element {
  SELVEDGE_ELEMENT_FLOAT32 = 1,
  SELVEDGE_ELEMENT_UINT8 = 2,
  SELVEDGE_ELEMENT_INT8 = 3,
  SELVEDGE_ELEMENT_UINT16 = 4,
  SELVEDGE_ELEMENT_INT16 = 5,
  SELVEDGE_ELEMENT_INT32 = 6,
  SELVEDGE_ELEMENT_INT64 = 7,
  SELVEDGE_ELEMENT_BOOLEAN = 9,
  SELVEDGE_ELEMENT_FLOAT16 = 10,
  SELVEDGE_ELEMENT_FLOAT64 = 11,
  SELVEDGE_ELEMENT_UINT32 = 12,
  SELVEDGE_ELEMENT_UINT64 = 13
} selvedge_element;

/* An array of numbers, row by row, in this machine's order of bytes. */
typedef struct selvedge_tensor {
  const char* name; /* NULL in what is given */
  selvedge_element type;
  const int64_t* shape; /* in a description of a model -1 stands for "any" */
  size_t dimensions;
  const void* data; /* NULL in a description */
  size_t bytes;
} selvedge_tensor;

SELVEDGE_API size_t selvedge_model_input_count(const selvedge_model* model);
SELVEDGE_API selvedge_inference_status selvedge_model_input(const selvedge_model* model, size_t index, selvedge_tensor* description);
SELVEDGE_API size_t selvedge_model_output_count(const selvedge_model* model);
SELVEDGE_API selvedge_inference_status selvedge_model_output(const selvedge_model* model, size_t index, selvedge_tensor* description);

/* Runs the bare model: all its inputs, in its order. */
typedef struct selvedge_tensors selvedge_tensors;
SELVEDGE_API selvedge_tensors* selvedge_model_compute(const selvedge_model* model, const selvedge_tensor* inputs, size_t count);
SELVEDGE_API void selvedge_tensors_free(selvedge_tensors* tensors); /* NULL is fine */
SELVEDGE_API size_t selvedge_tensors_count(const selvedge_tensors* tensors);
SELVEDGE_API selvedge_inference_status selvedge_tensors_get(const selvedge_tensors* tensors, size_t index, selvedge_tensor* tensor);

#ifdef __cplusplus
}
#endif

#endif
