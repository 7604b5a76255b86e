// For `make sanitize`: CLASS on several inputs at the same time, as several Python threads run it. main() of CLASS is run_class() here.
#include <thread>
#include <vector>

extern "C" int run_class(int argc, char ** argv);

int main(int argc, char ** argv) {
  std::vector<std::thread> threads;
  for (int i=1; i < argc; i++)
    threads.emplace_back([=] () {
      char * arguments[] = {argv[0],argv[i],nullptr};
      run_class(2,arguments);
    });
  for (std::thread & thread : threads) thread.join();
  return 0;
}
