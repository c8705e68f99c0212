#include "cli/task_file.h"

#include <fstream>
#include <iostream>
#include <iterator>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "codec/task/task.h"
#include "settings/toml_value.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

// The first `most` bytes and one more, so that what is too long is seen.
std::string read_some(std::istream& in, std::size_t most) {
  std::string text(most + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

// "a:1", "a:1=models": an artifact, and where it is unpacked.
Result<void> write_artifact(const std::string& word, base::JsonWriter& json) {
  const std::size_t equals = std::min(word.find('='), word.size());
  const std::string named = word.substr(0, equals);
  const std::size_t colon = named.find(':');
  const auto version = colon == std::string::npos ? std::nullopt : base::parse_int(named.substr(colon + 1));
  if (!version || *version <= 0)
    return fail(Code::invalid_input, "--artifact: expected NAME:VERSION, not '" + base::printable(word, 80) + "'");
  json.begin_object().field("name", named.substr(0, colon)).field("version", *version);
  if (equals < word.size()) json.field("path", word.substr(equals + 1));
  json.end_object();
  return {};
}

Result<void> write_pairs(const Arguments& arguments, const char* flag, const char* member, base::JsonWriter& json) {
  if (!arguments.has(flag)) return {};
  json.key(member).begin_object();
  for (const std::string& word : arguments.list(flag)) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(Code::invalid_input, std::string("--") + flag + ": expected NAME=VALUE, not '" + base::printable(word, 80) + "'");
    json.field(word.substr(0, equals), word.substr(equals + 1));
  }
  json.end_object();
  return {};
}

}  // namespace

Result<model::Job> parse_job_text(const std::string& text, const std::string& name) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '{') return base::while_doing(name, codec::task::parse_job(text));
  const auto value = TRY(settings::toml_value(text, name, model::TaskLimits::job_bytes));
  return base::while_doing(name, codec::task::read_job(value));
}

Result<model::Job> read_job_file(const std::string& path) {
  if (path == "-") return parse_job_text(read_some(std::cin, model::TaskLimits::job_bytes), "standard input");
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::not_found, "read " + path + ": no such file, or it may not be read");
  return parse_job_text(read_some(in, model::TaskLimits::job_bytes), path);
}

// As a document, so that every bound and message is that of job files.
Result<model::Job> job_of(const Arguments& arguments) {
  base::JsonWriter json;
  json.begin_object().field("name", arguments.positional.at(0));
  if (arguments.has("tenant")) json.field("tenant", arguments.text("tenant"));
  json.key("groups").begin_array().begin_object().field("name", "main");
  json.field("count", TRY(arguments.integer("count", 1, 0, model::TaskLimits::count)));
  if (arguments.has("spread")) json.field("spread", arguments.text("spread"));
  if (arguments.has("priority")) json.field("priority", TRY(arguments.integer("priority", 50, 0, 100)));
  if (arguments.has("on")) {
    json.key("constraints").begin_array();
    for (const std::string& word : arguments.list("on")) {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) return fail(Code::invalid_input, "--on: expected LABEL=VALUE, not '" + base::printable(word, 80) + "'");
      json.begin_object().field("label", word.substr(0, equals)).field("is", "equal");
      json.key("values").begin_array().value(word.substr(equals + 1)).end_array().end_object();
    }
    json.end_array();
  }
  json.key("task").begin_object().key("command").begin_array();
  for (std::size_t i = 1; i < arguments.positional.size(); ++i) json.value(arguments.positional[i]);
  json.end_array();
  for (const char* const text : {"mode", "schedule", "output"})
    if (arguments.has(text)) json.field(text, arguments.text(text));
  if (arguments.has("artifact") || arguments.has("image")) {
    json.key("artifacts").begin_array();
    if (arguments.has("image")) TRY(write_artifact(arguments.text("image"), json));
    for (const std::string& word : arguments.list("artifact")) TRY(write_artifact(word, json));
    json.end_array();
  }
  if (const std::string image = arguments.text("image"); !image.empty())
    json.field("kind", "container").field("image", image.substr(0, image.find(':')));
  if (arguments.has("feed") || arguments.has("topic")) {
    json.key("feeds").begin_array();
    for (const auto& [flag, member] : {std::pair("feed", "series"), std::pair("topic", "topic")})
      if (arguments.has(flag))
        for (const std::string& filter : arguments.list(flag)) json.begin_object().field(member, filter).end_object();
    json.end_array();
  }
  TRY(write_pairs(arguments, "env", "environment", json));
  TRY(write_pairs(arguments, "secret", "secrets", json));
  if (arguments.has("network")) json.key("sandbox").begin_object().field("network", "host").end_object();
  json.key("resources").begin_object();
  if (arguments.has("cpu")) {
    const std::string cores = arguments.text("cpu");
    const auto number = base::parse_double(cores);
    json.key("cpu");
    if (number) json.value(*number);
    else json.value(cores);
  }
  for (const char* const size : {"memory", "disk"})
    if (arguments.has(size)) json.field(size, arguments.text(size));
  json.end_object().end_object().end_object().end_array().end_object();
  return codec::task::parse_job(json.text());
}

}  // namespace selvedge::cli
