// Selvedge models from C++17: include/selvedge/inference.h with types that clean up after themselves.
//
//   auto model = selvedge::inference::Model::load_file("detector.model");
//   if (!model) return complain(model.error().message);
//   auto answer = model->look(jpeg);
//   if (answer)
//     for (const auto& found : answer->detections()) use(found.name, found.score, found.top);
//
// Header only; no exceptions of its own. The rules about threads are those of the C interface.

#ifndef SELVEDGE_INFERENCE_HPP
#define SELVEDGE_INFERENCE_HPP

#include <selvedge/inference.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace selvedge::inference {

struct Error {
  selvedge_inference_status status = SELVEDGE_INFERENCE_INTERNAL;
  std::string message;
};

// A value, or why there is none. As with std::optional, only what was found to hold a value may be
// taken.
template <typename T>
class Result {
 public:
  Result(T value) : either_(std::move(value)) {}
  Result(Error error) : either_(std::move(error)) {}

  explicit operator bool() const { return either_.index() == 0; }
  T& operator*() { return *std::get_if<0>(&either_); }
  const T& operator*() const { return *std::get_if<0>(&either_); }
  T* operator->() { return std::get_if<0>(&either_); }
  const T* operator->() const { return std::get_if<0>(&either_); }
  const Error& error() const { return *std::get_if<1>(&either_); }

 private:
  std::variant<T, Error> either_;
};

namespace detail {

template <typename T, void (*free)(T*)>
struct Free {
  void operator()(T* object) const { free(object); }
};

inline Error last_error() { return {selvedge_inference_last_status(), selvedge_inference_error()}; }

}  // namespace detail

class Answer {
 public:
  explicit Answer(selvedge_answer* answer) : answer_(answer) {}

  // Names live as long as the answer.
  std::vector<selvedge_detection> detections() const {
    std::vector<selvedge_detection> all(selvedge_answer_detection_count(answer_.get()));
    for (std::size_t i = 0; i < all.size(); ++i) selvedge_answer_detection(answer_.get(), i, &all[i]);
    return all;
  }
  std::vector<selvedge_class> classes() const {
    std::vector<selvedge_class> all(selvedge_answer_class_count(answer_.get()));
    for (std::size_t i = 0; i < all.size(); ++i) selvedge_answer_class(answer_.get(), i, &all[i]);
    return all;
  }
  struct Mask {
    const std::uint8_t* labels = nullptr;          // null: there is none
    std::uint32_t width = 0, height = 0;
  };
  Mask mask() const {
    Mask mask;
    mask.labels = selvedge_answer_mask(answer_.get(), &mask.width, &mask.height);
    return mask;
  }
  selvedge_timings timings() const {
    selvedge_timings timings{};
    selvedge_answer_timings(answer_.get(), &timings);
    return timings;
  }
  const selvedge_answer* get() const { return answer_.get(); }

 private:
  std::unique_ptr<selvedge_answer, detail::Free<selvedge_answer, selvedge_answer_free>> answer_;
};

class Tensors {
 public:
  explicit Tensors(selvedge_tensors* tensors) : tensors_(tensors) {}

  std::size_t size() const { return selvedge_tensors_count(tensors_.get()); }
  selvedge_tensor operator[](std::size_t index) const {
    selvedge_tensor tensor{};
    selvedge_tensors_get(tensors_.get(), index, &tensor);
    return tensor;
  }

 private:
  std::unique_ptr<selvedge_tensors, detail::Free<selvedge_tensors, selvedge_tensors_free>> tensors_;
};

class Model {
 public:
  static Result<Model> load(const void* package, std::size_t size, const char* runtime = nullptr) {
    return made(selvedge_model_load(package, size, runtime));
  }
  static Result<Model> load_file(const std::string& path, const char* runtime = nullptr) {
    return made(selvedge_model_load_file(path.c_str(), runtime));
  }

  std::string name() const { return selvedge_model_name(model_.get()); }
  selvedge_task task() const { return selvedge_model_task(model_.get()); }

  // `Bytes`: anything with data() and size(), as std::vector<unsigned char> and std::string_view.
  template <typename Bytes>
  Result<Answer> look(const Bytes& file, const selvedge_look_options* options = nullptr) const {
    return answered(selvedge_model_look(model_.get(), file.data(), file.size(), options));
  }
  Result<Answer> look_rgb(const std::uint8_t* pixels, std::uint32_t width, std::uint32_t height, std::size_t stride = 0,
                          const selvedge_look_options* options = nullptr) const {
    return answered(selvedge_model_look_rgb(model_.get(), pixels, width, height, stride, options));
  }
  Result<Tensors> compute(const std::vector<selvedge_tensor>& inputs) const {
    selvedge_tensors* const tensors = selvedge_model_compute(model_.get(), inputs.data(), inputs.size());
    if (tensors == nullptr) return detail::last_error();
    return Tensors(tensors);
  }
  // Whether the golden examples come out.
  Result<bool> check() const {
    if (selvedge_model_check(model_.get()) == SELVEDGE_INFERENCE_OK) return true;
    return detail::last_error();
  }
  const selvedge_model* get() const { return model_.get(); }

 private:
  explicit Model(selvedge_model* model) : model_(model) {}

  static Result<Model> made(selvedge_model* model) {
    if (model == nullptr) return detail::last_error();
    return Model(model);
  }
  static Result<Answer> answered(selvedge_answer* answer) {
    if (answer == nullptr) return detail::last_error();
    return Answer(answer);
  }

  std::unique_ptr<selvedge_model, detail::Free<selvedge_model, selvedge_model_free>> model_;
};

}  // namespace selvedge::inference

#endif
