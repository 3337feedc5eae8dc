/* Data sets used where they lie in the file. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "h5/h5.h"
#include "h5/internal.h"

int h5_descriptor(const struct h5 *file)
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
    int fd = h5_descriptor(file);
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

bool h5_piece(const struct h5 *file, const char *name, hid_t type, size_t bytes, size_t *offset)
{
    hid_t id = h5_open_object(file, name);
    if (id < 0 || H5Iget_type(id) != H5I_DATASET) {
        if (id >= 0)
            H5Oclose(id);
        return false;
    }
    hid_t stored = H5Dget_type(id), plist = H5Dget_create_plist(id);
    bool plain = H5Tequal(stored, type) > 0 && H5Pget_layout(plist) == H5D_CONTIGUOUS &&
                 H5Pget_external_count(plist) == 0 && H5Dget_storage_size(id) == bytes;
    haddr_t address = plain ? H5Dget_offset(id) : HADDR_UNDEF;
    H5Pclose(plist);
    H5Tclose(stored);
    H5Dclose(id);
    *offset = (size_t)address;
    return address != HADDR_UNDEF;
}

/* In the file's own order of axes. */
static void *mapped(const struct h5 *file, const struct h5_map *map, const char *name, hid_t type, size_t bytes,
                    const char *axes)
{
    size_t offset;
    struct h5_shape shape;
    if (!map->base || bytes < 1 || h5_shape(file, name, &shape, NULL) || strcmp(shape.axes, axes) != 0 ||
        !h5_piece(file, name, type, bytes, &offset) || offset % sizeof(float) != 0 || bytes > map->bytes ||
        offset > map->bytes - bytes)
        return NULL;
    return (char *)map->base + offset;
}

float *h5_mapped_floats(const struct h5 *file, const struct h5_map *map, const char *name, int64_t count,
                        const char *axes)
{
    return count < 1 ? NULL : mapped(file, map, name, H5T_NATIVE_FLOAT, (size_t)count * sizeof(float), axes);
}

const void *h5_mapped_numbers(const struct h5 *file, const struct h5_map *map, const char *name, enum h5_type type,
                              int64_t count)
{
    bool bytes = type == H5_INT;
    if (count < 1 || H5Tequal(H5T_NATIVE_UINT16, H5T_STD_U16LE) <= 0)
        return NULL;
    return mapped(file, map, name, bytes ? H5T_STD_I8LE : H5T_STD_U16LE, (size_t)count * (bytes ? 1 : 2), "");
}
