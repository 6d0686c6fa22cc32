// Who trains a run: the lease in its folder.
//
// flock(2) keeps two processes of one machine apart, but many network file systems ignore it. A
// process that trains a run therefore also holds the file lease-N.json in the run's folder, which
// names host and process. It touches the file every few seconds: a beat. A lease without a beat for
// three periods is stale, as is one of a process that has ended on this host: whoever comes next
// takes the run over by making lease-(N+1).json. The file system makes a file of a name only once,
// so of several that try, one succeeds. Ages are measured by the clock of the file system.
//
// A process that was stopped for long, or cut off from the file system, cannot know whether its
// lease was taken. It asks before it writes anything (require_mine()): it must make lease-(N+1)
// itself, and if another process has that file, the run is lost to it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/descriptor.h"
#include "core/error.h"

namespace soragrad::train {

constexpr double kBeatSeconds = 10;  // between two beats
constexpr int kMissedBeats = 3;      // make a lease stale

// Another process trains the run.
class RunIsTaken : public Error {
 public:
  using Error::Error;
};

// Another process has taken the run over from this one, which must write nothing more.
class RunIsLost : public Error {
 public:
  using Error::Error;
};

// The newest lease of a folder, as another process sees it.
struct LeaseHolder {
  int64_t generation = 0;  // N of the file's name
  std::string host;        // "?" if the file cannot be read
  int64_t pid = 0;
  double age = 0;            // seconds since the last beat
  int64_t beat = 0;          // time of that beat, in nanoseconds: differs after each
  double period = 0;         // seconds between beats
  bool is_stale = false;     // three beats are missing, or the process has ended
  std::string text() const;  // "host, pid 12, last sign of life 3 s ago"
};

// Nothing if the folder has no lease, or does not exist.
std::optional<LeaseHolder> lease_holder(const std::string& folder);

// Whether a file of a run's folder is a lease.
bool is_lease(const std::string& file_name);

// Of leases that this process takes from now on.
void set_beat_seconds(double seconds);

class Lease {
 public:
  // Takes the lease of a folder, which must exist, if it is free or stale. Throws RunIsTaken if
  // another process holds it. A thread keeps it alive until the object is gone.
  explicit Lease(std::string folder);
  // Gives the lease back: removes the file, if it is still this object's.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // To be called before each write to the folder. Throws RunIsLost if the lease was taken. Reads a
  // clock only, as long as beats are on time.
  void require_mine();

 private:
  std::string file(int64_t generation) const;
  // Makes the file of this generation; false if it exists.
  bool make(int64_t generation);
  bool is_mine() const;  // the file is still there with this object's text
  void renew();          // after a gap: takes the next generation, or the lease is lost
  void beat();
  void keep_alive();
  void remove_older() const;

  const std::string folder_;
  const double period_;
  const std::string text_;
  int64_t generation_ = 0;
  Descriptor file_;
  double beat_at_ = 0;  // seconds of a clock that runs while the process or the machine sleeps
  bool is_lost_ = false;
  bool is_over_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
