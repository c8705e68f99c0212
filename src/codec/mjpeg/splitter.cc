#include "codec/mjpeg/splitter.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace selvedge::codec::mjpeg {
namespace {

constexpr std::size_t longest_line = 512;          // more of a line is not looked at
constexpr std::size_t most_header_bytes = 8 << 10;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string_view without_dashes(std::string_view text) {
  const std::size_t first = text.find_first_not_of('-');
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

}  // namespace

base::Result<std::string> boundary_of(std::string_view content_type) {
  const std::string_view kind = trimmed(content_type.substr(0, content_type.find(';')));
  if (!same_word(kind, "multipart/x-mixed-replace") && !same_word(kind, "multipart/mixed"))
    return base::fail(base::Code::invalid_input, "\"" + std::string(kind.substr(0, 100)) +
                                                     "\" is no stream of pictures (multipart/x-mixed-replace)");
  while (content_type.find(';') != std::string_view::npos) {
    content_type.remove_prefix(content_type.find(';') + 1);
    const std::string_view pair = trimmed(content_type.substr(0, content_type.find(';')));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !same_word(trimmed(pair.substr(0, equals)), "boundary")) continue;
    std::string_view value = trimmed(pair.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value.substr(0, longest_line / 2));
  }
  return std::string();
}

Splitter::Splitter(bool by_parts, std::string_view boundary, std::size_t most_bytes)
    : by_parts_(by_parts), boundary_(without_dashes(trimmed(boundary.substr(0, longest_line / 2)))),
      known_(!boundary.empty()), most_bytes_(most_bytes), state_(by_parts ? State::between : State::start) {}

Splitter Splitter::multipart(std::string_view boundary, std::size_t most_bytes) { return {true, boundary, most_bytes}; }
Splitter Splitter::raw(std::size_t most_bytes) { return {false, {}, most_bytes}; }

std::optional<base::BytesView> Splitter::next(base::BytesView& in) {
  if (done_) {
    done_ = false;
    frame_.clear();
  }
  while (!in.empty()) {
    if (ended_) {
      in = {};
      break;
    }
    bool whole = false;
    switch (state_) {
      case State::between:
        if (take_line(in)) end_line_between();
        break;
      case State::headers:
        if (take_line(in)) end_line_of_headers();
        break;
      case State::start: find_start(in); break;
      case State::picture: whole = take_picture(in); break;
    }
    if (!whole) continue;
    look_for_next();
    done_ = true;
    return base::BytesView(frame_);
  }
  return std::nullopt;
}

// Whether line_ is whole, its end not included.
bool Splitter::take_line(base::BytesView& in) {
  const auto end = std::ranges::find(in, std::uint8_t{'\n'});
  const auto length = static_cast<std::size_t>(end - in.begin());
  const std::size_t kept = std::min(length, longest_line - std::min(longest_line, line_.size()));
  line_ += base::as_text(in.first(kept));
  header_bytes_ += length;
  const bool whole = end != in.end();
  in = in.subspan(length + (whole ? 1 : 0));
  return whole;
}

void Splitter::end_line_between() {
  const std::string_view line = trimmed(line_);
  std::string_view name = without_dashes(line);
  const bool dashed = line.size() != name.size();
  if (!known_ && line.starts_with("--") && !name.empty()) {
    boundary_ = name;
    known_ = true;
  }
  const bool closing = name.size() == boundary_.size() + 2 && name.ends_with("--") && name.starts_with(boundary_);
  const bool delimits = known_ && (dashed || !boundary_.empty()) && name == boundary_;
  if (known_ && closing && !boundary_.empty()) ended_ = true;
  if (delimits) {
    state_ = State::headers;
    header_bytes_ = 0;
    length_.reset();
  }
  line_.clear();
}

void Splitter::end_line_of_headers() {
  const std::string_view line = trimmed(line_);
  const std::size_t colon = line.find(':');
  if (line.empty()) {
    state_ = State::start;
  } else if (header_bytes_ > most_header_bytes) {
    drop();
  } else if (colon != std::string_view::npos && same_word(trimmed(line.substr(0, colon)), "content-length")) {
    const std::string_view value = trimmed(line.substr(colon + 1));
    std::size_t length = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), length);
    if (read.ec == std::errc() && length > 0) length_ = length;
  }
  line_.clear();
}

// Before a picture line ends are let pass within a part, and anything is where there are no parts.
void Splitter::find_start(base::BytesView& in) {
  while (!in.empty()) {
    const std::uint8_t byte = in.front();
    if (!frame_.empty() && byte == 0xD8) {         // after FF
      scanner_.restart();
      scanner_.step(frame_);
      state_ = State::picture;
      return;
    }
    if (byte != 0xFF) {
      frame_.clear();
      if (by_parts_ && byte != '\r' && byte != '\n') return look_for_next();   // a part that is no picture
    } else if (frame_.empty()) {
      frame_.push_back(byte);
    }
    in = in.subspan(1);
  }
}

bool Splitter::take_picture(base::BytesView& in) {
  base::BytesView bytes = in;
  if (length_ && frame_.size() >= *length_) {
    // The part is over and the picture is not: the length is wrong, or the end marker is missing.
    const bool part_ends = in.front() == '\r' || in.front() == '\n' || in.front() == '-';
    length_.reset();
    if (part_ends) return true;
  }
  // What is fed to the scanner ends where the picture may, so that pieces make no difference.
  if (length_) bytes = bytes.first(std::min(bytes.size(), *length_ - frame_.size()));
  bytes = bytes.first(std::min(bytes.size(), most_bytes_ - std::min(most_bytes_, frame_.size())));
  if (bytes.empty()) {                             // too large
    drop();
    return false;
  }
  const FrameScanner::Step step = scanner_.step(bytes);
  if (step.verdict == FrameScanner::Verdict::broken) {
    const bool begins = bytes[step.taken - 1] == 0xD8;   // the next one broke in
    in = in.subspan(begins ? step.taken - 1 : step.taken);
    drop();
    if (begins) {
      frame_.assign(1, 0xFF);
      state_ = State::start;
    }
    return false;
  }
  base::append(frame_, bytes.first(step.taken));
  in = in.subspan(step.taken);
  return step.verdict == FrameScanner::Verdict::whole;
}

void Splitter::look_for_next() {
  length_.reset();
  state_ = by_parts_ ? State::between : State::start;
}

void Splitter::drop() {
  ++dropped_;
  frame_.clear();
  look_for_next();
}

}  // namespace selvedge::codec::mjpeg
