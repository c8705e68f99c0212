#include <selvedge/inference.h>
#include <stdio.h>
#include <string.h>

/* look_in_c PACKAGE: a red picture is red. 77: there is no model runtime here. */
int main(int count, char** words) {
  static uint8_t red[32 * 32 * 3];
  size_t i;
  selvedge_model* model;
  selvedge_answer* answer;
  selvedge_class best;
  for (i = 0; i < sizeof red; i += 3) red[i] = 255;
  model = selvedge_model_load_file(count > 1 ? words[1] : "", NULL);
  if (model == NULL) {
    fprintf(stderr, "%s\n", selvedge_inference_error());
    return selvedge_inference_last_status() == SELVEDGE_INFERENCE_UNAVAILABLE ? 77 : 1;
  }
  answer = selvedge_model_look_rgb(model, red, 32, 32, 0, NULL);
  if (answer == NULL || selvedge_answer_class(answer, 0, &best) != SELVEDGE_INFERENCE_OK || strcmp(best.name, "red") != 0) return 1;
  selvedge_answer_free(answer);
  if (selvedge_model_look(model, "nonsense", 8, NULL) != NULL) return 1;
  printf("api %u, %s: %s\n", (unsigned)selvedge_inference_api_version(), selvedge_model_name(model), selvedge_inference_error());
  selvedge_model_free(model);
  return 0;
}
