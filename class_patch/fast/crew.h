/** @file crew.h
 *
 * Tasks on CLASS's number of threads, of which the caller's is one: one thread needs no other, and an idle thread takes the next task.
 */

#ifndef __COSMICNET_CREW__
#define __COSMICNET_CREW__

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>
#include "common.h"
#include "parallel.h"

namespace cosmicnet {

class Crew {
public:
  Crew() : next(0), status(_SUCCESS_) {}
  /** A task returns _SUCCESS_ or _FAILURE_. */
  void add(std::function<int()> task) { tasks.push_back(std::move(task)); }
  /** Run what was added, in this order; _FAILURE_ if a task failed. Throws what a task has thrown. */
  int run() {
    std::vector<std::thread> others;
    const size_t wanted = std::min((size_t)Tools::TaskSystem::GetNumThreads(),tasks.size());
    /* from here on, nothing but a new thread can lack memory */
    others.reserve(wanted);
    next = 0;
    status = _SUCCESS_;
    error = nullptr;
    try {
      while (others.size()+1 < wanted) others.emplace_back([this] () { work(); });
    }
    catch (const std::exception &) {
      /* those that could start do the work */
    }
    work();
    for (std::thread & other : others) other.join();
    tasks.clear();
    if (error) std::rethrow_exception(error);
    return status;
  }

private:
  void work() {
    try {
      for (size_t i=next++; i < tasks.size(); i=next++)
        if (tasks[i]() == _FAILURE_) stop();
    }
    catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      error = std::current_exception();
      stop();
    }
  }
  void stop() {
    status = _FAILURE_;
    next = tasks.size();
  }

  std::vector<std::function<int()>> tasks;
  std::atomic<size_t> next;
  std::atomic<int> status;
  std::mutex mutex;
  std::exception_ptr error;
};

}

#endif
