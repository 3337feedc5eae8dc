/* Data sets used where they lie in the file. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "h5/h5.h"
#include "h5/internal.h"

/* HDF5's own descriptor: the name may meanwhile stand for another file. */
static int descriptor(const struct h5 *file)
{
    int *fd = NULL;
    hid_t id = h5_open_object(file, ""), in = id < 0 ? -1 : H5Iget_file_id(id);
    if (in >= 0 && H5Fget_vfd_handle(in, H5P_DEFAULT, (void **)&fd) < 0)
        fd = NULL;
    if (in >= 0)
        H5Fclose(in);
    if (id >= 0)
        H5Oclose(id);
    return fd ? *fd : -1;
}

enum sm_status h5_map(const struct h5 *file, struct h5_map *map, struct sm_err *err)
{
    struct stat status;
    int fd = descriptor(file);
    *map = (struct h5_map){0};
    errno = EBADF;
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
        void *base = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
        if (base != MAP_FAILED)
            *map = (struct h5_map){base, (size_t)status.st_size};
    }
    return map->base ? SM_OK : sm_fail(err, SM_UNSUPPORTED, "%s: cannot be mapped: %s", h5_path(file), strerror(errno));
}

void h5_unmap(struct h5_map *map)
{
    if (map->base)
        munmap(map->base, map->bytes);
    *map = (struct h5_map){0};
}

void h5_map_forget(const float *values, int64_t count)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)values, end = first + (size_t)count * sizeof *values;
    first = (first + page - 1) / page * page;
    end = end / page * page;
    if (first < end)
        madvise((void *)first, end - first, MADV_DONTNEED);
}

float *h5_mapped_floats(const struct h5 *file, const struct h5_map *map, const char *name, int64_t count)
{
    float *values = NULL;
    hid_t id = h5_open_object(file, name);
    if (id < 0 || H5Iget_type(id) != H5I_DATASET || !map->base || count < 1) {
        if (id >= 0)
            H5Oclose(id);
        return NULL;
    }
    hid_t type = H5Dget_type(id), plist = H5Dget_create_plist(id);
    size_t bytes = (size_t)count * sizeof *values;
    bool plain = H5Tequal(type, H5T_NATIVE_FLOAT) > 0 && H5Pget_layout(plist) == H5D_CONTIGUOUS &&
                 H5Pget_external_count(plist) == 0 && H5Dget_storage_size(id) == bytes;
    haddr_t offset = plain ? H5Dget_offset(id) : HADDR_UNDEF;
    if (offset != HADDR_UNDEF && offset % sizeof *values == 0 && bytes <= map->bytes && offset <= map->bytes - bytes)
        values = (float *)((char *)map->base + offset);
    H5Pclose(plist);
    H5Tclose(type);
    H5Dclose(id);
    return values;
}
