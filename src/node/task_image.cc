#include "node/task_image.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "codec/package/tar_stream.h"
#include "codec/package/unpack.h"

namespace selvedge::node {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;
using codec::TarEntry;

namespace {

constexpr std::string_view run_file = "run.json", whiteout = ".wh.", opaque = ".wh..wh..opq";
constexpr std::size_t block = codec::TarStream::block, piece = 64 << 10, most_members = 2'000, most_run_file = 256 << 10;
constexpr int most_indexes = 3;                    // one within another
constexpr std::uint64_t entry_bytes = 512;         // each costs that at least

struct Member {
  std::uint64_t at = 0, size = 0;
};

// Where in the artifact each of its files is.
class Layout final : codec::TarSink {
 public:
  static Result<Layout> of(const ImageSource& source) {
    Layout layout;
    codec::TarStream tar(layout, {.entries = most_members});
    if (codec::packed_as(TRY(source.read(0, block))) != codec::Packed::plain)
      return fail(Code::invalid_input, "the image is packed as a whole: its layers are, and the artifact is to be a plain tar");
    for (std::uint64_t at = 0; at < source.size;) {
      // A header may come in two pieces; what follows it must not come with it.
      const BytesView header = TRY(source.read(at, block - at % block));
      if (header.empty()) break;
      at += header.size();
      layout.at_ = at;
      TRY(tar.feed(header));
      at += TRY(tar.skip());
    }
    TRY(tar.end());
    return layout;
  }

  Result<Member> find(const std::string& name) const {
    const auto at = members_.find(name);
    if (at == members_.end()) return fail(Code::invalid_input, "the image has no " + base::printable(name, 100));
    return at->second;
  }
  Result<std::string> text(const ImageSource& source, const std::string& name) const {
    const Member member = TRY(find(name));
    if (member.size > codec::OciLimits::document_bytes) return fail(Code::exhausted, name + " of the image is too large");
    std::string text;
    while (text.size() < member.size) {
      const BytesView more = TRY(source.read(member.at + text.size(), static_cast<std::size_t>(member.size) - text.size()));
      if (more.empty()) return fail(Code::invalid_input, name + " of the image is cut");
      text += base::as_text(more);
    }
    return text;
  }

 private:
  Result<void> entry(const TarEntry& entry) override {
    std::string_view name(entry.name);
    while (name.starts_with("./")) name.remove_prefix(2);
    if (entry.kind == TarEntry::Kind::file) members_[std::string(name)] = {at_, entry.size};
    return {};
  }
  Result<void> content(BytesView) override { return {}; }
  Result<void> end_entry() override { return {}; }

  std::map<std::string, Member> members_;
  std::uint64_t at_ = 0;
};

// What an entry of a layer takes away: the last part of its name.
std::optional<std::string> taken_away(std::string_view name) {
  while (name.ends_with('/')) name.remove_suffix(1);
  const std::size_t slash = name.rfind('/');
  const std::string_view last = slash == name.npos ? name : name.substr(slash + 1);
  if (!last.starts_with(whiteout)) return std::nullopt;
  return std::string(last);
}

std::string folder_of(std::string_view name) {
  while (name.ends_with('/')) name.remove_suffix(1);
  const std::size_t slash = name.rfind('/');
  return slash == name.npos ? std::string() : std::string(name.substr(0, slash));
}

// Whiteouts are of what lower layers have, wherever they stand in their own: so they go first.
class Whiteouts final : public codec::TarSink {
 public:
  explicit Whiteouts(os::RootTree& root) : root_(root) {}

 private:
  Result<void> entry(const TarEntry& entry) override {
    const auto what = taken_away(entry.name);
    if (!what) return {};
    const std::string folder = folder_of(entry.name);
    if (*what == opaque) return root_.clear(folder);
    if (what->starts_with(".wh..wh.")) return {};                  // of aufs itself
    return root_.remove(folder + "/" + what->substr(whiteout.size()));
  }
  Result<void> content(BytesView) override { return {}; }
  Result<void> end_entry() override { return {}; }

  os::RootTree& root_;
};

class Files final : public codec::TarSink {
 public:
  Files(os::RootTree& root, std::uint64_t most, std::uint64_t& used) : root_(root), most_(most), used_(used) {}

 private:
  Result<void> take(std::uint64_t bytes) {
    if (bytes > most_ - std::min(most_, used_))
      return fail(Code::exhausted, "its artifacts have more than " + base::size_text(most_) + " when unpacked");
    used_ += bytes;
    return {};
  }
  Result<void> entry(const TarEntry& entry) override {
    file_.reset();
    if (taken_away(entry.name)) return {};
    TRY(take(entry_bytes));
    switch (entry.kind) {
      case TarEntry::Kind::folder: return root_.make_folder(entry.name);
      case TarEntry::Kind::symbolic_link: return root_.link(entry.name, entry.target);
      case TarEntry::Kind::hard_link: return root_.hard_link(entry.name, entry.target);
      case TarEntry::Kind::file: file_ = TRY(root_.make_file(entry.name, (entry.mode & 0111) != 0)); return {};
      case TarEntry::Kind::device:
      case TarEntry::Kind::pipe: return {};
    }
    return {};
  }
  Result<void> content(BytesView bytes) override {
    if (!file_) return {};
    TRY(take(bytes.size()));
    return os::write_all(file_, bytes);
  }
  Result<void> end_entry() override {
    file_.reset();
    return {};
  }

  os::RootTree& root_;
  std::uint64_t most_;
  std::uint64_t& used_;
  os::Fd file_;
};

Result<void> read_layer(const ImageSource& source, Member member, codec::TarSink& sink) {
  codec::TarStream tar(sink, {.entries = most_image_entries});
  const codec::Packed how = codec::packed_as(TRY(source.read(member.at, std::min<std::uint64_t>(member.size, block))));
  codec::Unpack unpack(how, [&tar](BytesView plain) { return tar.feed(plain); });
  for (std::uint64_t done = 0; done < member.size;) {
    const BytesView more = TRY(source.read(member.at + done, static_cast<std::size_t>(std::min<std::uint64_t>(member.size - done, piece))));
    if (more.empty()) return fail(Code::invalid_input, "it is cut");
    TRY(unpack.feed(more));
    done += more.size();
  }
  TRY(unpack.end());
  return tar.end();
}

// The bytes are as they were signed: fetching them anew would not help.
std::unexpected<base::Error> of_content(base::Error why, const std::string& what) {
  if (why.code == Code::corrupt) why.code = Code::invalid_input;
  return std::unexpected(base::Error(std::move(why)).while_doing(what));
}

}  // namespace

Result<codec::OciConfig> unpack_image(os::RootTree& root, const ImageSource& source, const std::string& architecture, std::uint64_t most,
                                      std::uint64_t& used) {
  // What the source itself says stays as it is: it may be that the disk is damaged.
  std::optional<base::Error> of_source;
  const ImageSource watched{source.size, [&](std::uint64_t at, std::size_t count) {
                              auto read = source.read(at, count);
                              if (!read) of_source = read.error();
                              return read;
                            }};
  const auto failed = [&](const base::Error& why, const std::string& what) -> std::unexpected<base::Error> {
    if (of_source) return std::unexpected(*of_source);
    return of_content(why, what);
  };
  const auto layout = Layout::of(watched);
  if (!layout) return failed(layout.error(), "read the image");
  std::string index = "index.json";
  codec::OciChoice choice;
  for (int depth = 0;; ++depth) {
    if (depth == most_indexes) return fail(Code::invalid_input, "the image's indexes are too deep");
    const auto text = layout->text(watched, index);
    if (!text) return failed(text.error(), "read the image");
    choice = TRY(codec::choose_manifest(*text, architecture));
    if (!choice.is_index) break;
    index = choice.blob.member();
  }
  const auto manifest = layout->text(watched, choice.blob.member());
  if (!manifest) return failed(manifest.error(), "read the image");
  const codec::OciImage image = TRY(codec::read_manifest(*manifest));
  const auto text = layout->text(watched, image.config.member());
  if (!text) return failed(text.error(), "read the image");
  codec::OciConfig config = TRY(codec::read_config(*text));
  if (!config.architecture.empty() && config.architecture != architecture)
    return fail(Code::invalid_input, "the image is for " + base::printable(config.architecture, 60) + ", this machine is " + architecture);
  bool lowest = true;
  for (const codec::OciBlob& layer : image.layers) {
    const std::string what = "unpack layer " + layer.digest.substr(0, 12) + " of the image";
    const Member member = TRY(layout->find(layer.member()));
    if (!std::exchange(lowest, false)) {
      Whiteouts whiteouts(root);
      if (const auto done = read_layer(watched, member, whiteouts); !done) return failed(done.error(), what);
    }
    Files files(root, most, used);
    if (const auto done = read_layer(watched, member, files); !done) return failed(done.error(), what);
  }
  return config;
}

Result<void> make_image_places(os::RootTree& root, const model::Task& task, const codec::OciConfig& config, const std::string& place) {
  for (const char* const path : {"proc", "dev", "tmp", "run", "etc"}) TRY(root.make_folder(path));
  TRY(root.make_folder(place));
  if (!config.folder.empty()) TRY(root.make_folder(config.folder));
  for (const auto* const list : {&task.sandbox.read_only, &task.sandbox.writable})
    for (const std::string& path : *list) TRY(root.make_folder(path));
  if (task.sandbox.network == model::TaskSandbox::Network::host)
    for (const char* const path : {"etc/resolv.conf", "etc/hosts"}) TRY(root.make_file(path, false));
  return {};
}

ImageRun image_run(const codec::OciConfig& config) {
  ImageRun run{config.entrypoint, config.command, {}, config.folder};
  for (const std::string& variable : config.environment) {
    const std::size_t equals = variable.find('=');
    run.environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  return run;
}

Result<void> write_image_run(os::Dir& dir, const ImageRun& run) {
  base::JsonWriter json;
  json.begin_object();
  const auto texts = [&](std::string_view name, const std::vector<std::string>& all) {
    json.key(name).begin_array();
    for (const std::string& one : all) json.value(one);
    json.end_array();
  };
  texts("entrypoint", run.entrypoint);
  texts("command", run.command);
  json.key("environment").begin_object();
  for (const auto& [name, value] : run.environment) json.field(name, value);
  json.end_object().field("folder", run.folder).end_object();
  return os::write_file(dir, run_file, base::as_bytes(json.text()), os::Open::create_private);
}

Result<ImageRun> read_image_run(os::Dir& dir) {
  const base::Bytes bytes = TRY(os::read_file(dir, run_file, most_run_file));
  const auto value = TRY(codec::json::parse(base::as_text(bytes), most_run_file));
  ImageRun run;
  for (const auto& one : value["entrypoint"].array()) run.entrypoint.push_back(one.text());
  for (const auto& one : value["command"].array()) run.command.push_back(one.text());
  for (const auto& [name, one] : value["environment"].object()) run.environment[name] = one.text();
  run.folder = value["folder"].text();
  return run;
}

Result<std::vector<std::string>> image_command(const ImageRun& run, const model::Task& task) {
  std::vector<std::string> all = run.entrypoint;
  const std::vector<std::string>& more = task.command.empty() ? run.command : task.command;
  all.insert(all.end(), more.begin(), more.end());
  if (all.empty() || all.front().empty())
    return fail(Code::invalid_input, "neither the image " + task.image + " nor the task says what is to run");
  return all;
}

}  // namespace selvedge::node
