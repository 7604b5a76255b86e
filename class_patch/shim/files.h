/** @file files.h
 *
 * Files that the user names by their whole paths.
 */

#ifndef __COSMICNET_FILES__
#define __COSMICNET_FILES__

#include <string.h>
#include <unistd.h>

/** path: CLASS's folder and the name together, where CLASS looks; becomes the name itself where only that exists. */
static inline void cosmicnet_find_file(char * path, const char * name) {
  if ((access(path,R_OK) != 0) && (access(name,R_OK) == 0)) strcpy(path,name);
}

#endif
