/* phantom_scan.c - shapes to voxels: partial volume, blur, bias field, noise. */
#include "phantom.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64's finaliser: every bit of the input reaches every bit of the output. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

double hash_unit(uint64_t seed, int64_t a, int64_t b, int64_t c)
{
    uint64_t h = mix(mix(mix(mix(seed) ^ (uint64_t)a) ^ (uint64_t)b) ^ (uint64_t)c);
    return (double)(h >> 11) * (1.0 / 9007199254740992.0);
}

/* Twelve uniforms added up are normal enough, and need no logarithm. */
double hash_normal(uint64_t seed, int64_t n)
{
    double sum = -6;
    for (int t = 0; t < 12; t++)
        sum += hash_unit(seed, n, t, 77);
    return sum;
}

double smooth_noise(uint64_t seed, const double p[3], double scale)
{
    int64_t cell[3];
    double w[3], sum = 0;
    for (int a = 0; a < 3; a++) {
        double q = p[a] / scale, f = floor(q);
        cell[a] = (int64_t)f;
        w[a] = (q - f) * (q - f) * (3 - 2 * (q - f));
    }
    for (int corner = 0; corner < 8; corner++) {
        int dx = corner & 1, dy = corner >> 1 & 1, dz = corner >> 2;
        double weight = (dx ? w[0] : 1 - w[0]) * (dy ? w[1] : 1 - w[1]) * (dz ? w[2] : 1 - w[2]);
        sum += weight * hash_unit(seed, cell[0] + dx, cell[1] + dy, cell[2] + dz);
    }
    return 2 * sum - 1;
}

static void turn(double q[3], int a, int b, double tangent)
{
    double c = 1 / sqrt(1 + tangent * tangent), s = tangent * c, x = q[a], y = q[b];
    q[a] = c * x + s * y;
    q[b] = c * y - s * x;
}

static int inside_capsule(const double p[3], const double a[4], const double b[4])
{
    double along = 0, length2 = 0, distance2 = 0;
    for (int i = 0; i < 3; i++) {
        along += (p[i] - a[i]) * (b[i] - a[i]);
        length2 += (b[i] - a[i]) * (b[i] - a[i]);
    }
    double t = length2 > 0 ? along / length2 : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    for (int i = 0; i < 3; i++) {
        double d = p[i] - a[i] - t * (b[i] - a[i]);
        distance2 += d * d;
    }
    double r = a[3] + t * (b[3] - a[3]);
    return distance2 <= r * r;
}

static int inside_tube(const struct shape *shape, const double p[3])
{
    for (int n = 0; n + 1 < shape->count; n++)
        if (inside_capsule(p, shape->path[n], shape->path[n + 1]))
            return 1;
    return 0;
}

/* Folds lie where slow noise passes through zero: winding sheets that hardly ever touch. */
static int inside_rind(const struct shape *shape, const double p[3], double squares)
{
    const double *rind = shape->path[0];
    if (squares > 1 || squares < rind[0] * rind[0])
        return 0;
    double noise = smooth_noise(4711, p, rind[2]);
    return noise < rind[1] && noise > -rind[1];
}

static int inside_solid(const struct shape *shape, const double p[3])
{
    double q[3], squares = 0, fourths = 0;
    for (int a = 0; a < 3; a++)
        q[a] = p[a] - shape->centre[a];
    turn(q, 1, 2, shape->tilt[0]);
    turn(q, 2, 0, shape->tilt[1]);
    turn(q, 0, 1, shape->tilt[2]);
    for (int a = 0; a < 3; a++) {
        double u = q[a] / shape->radius[a];
        squares += u * u;
        fourths += u * u * u * u;
    }
    if (shape->kind == FOLDS)
        return inside_rind(shape, p, squares);
    return (shape->kind == ROUND ? squares : 0.5 * (squares + fourths)) <= 1;
}

static int inside_ball(const double ball[4], const double p[3])
{
    double x = p[0] - ball[0], y = p[1] - ball[1], z = p[2] - ball[2];
    return x * x + y * y + z * z <= ball[3];
}

/* A ball that holds the whole shape, so that most shapes are ruled out at once. A BOXY one reaches
 * 1.17 times its largest radius. */
static void surround(struct shape *shape)
{
    int points = shape->kind == TUBE ? shape->count : 1;
    double reach = 0;
    for (int a = 0; a < 3; a++) {
        shape->ball[a] = shape->kind == TUBE ? shape->path[0][a] : shape->centre[a];
        reach = shape->radius[a] > reach ? shape->radius[a] : reach;
    }
    reach *= 1.2;
    for (int n = 0; n < points && shape->kind == TUBE; n++) {
        double square = 0;
        for (int a = 0; a < 3; a++)
            square += (shape->path[n][a] - shape->ball[a]) * (shape->path[n][a] - shape->ball[a]);
        double far = sqrt(square) + shape->path[n][3];
        reach = far > reach ? far : reach;
    }
    shape->ball[3] = reach * reach * 1.0001;
}

static int inside(const struct shape *shape, const double p[3])
{
    if (!(shape->kind == TUBE ? inside_tube(shape, p) : inside_solid(shape, p)))
        return 0;
    return !shape->within || inside(shape->within, p);
}

/* What lies at a place (mm, LPS). */
static void look_at(const struct phantom *phantom, const double p[3], double *value, int *label)
{
    double bent[3];
    for (int a = 0; a < 3; a++)
        bent[a] = p[a] + phantom->warp_mm * smooth_noise(phantom->seed + 11 + (uint64_t)a, p,
                                                         phantom->warp_scale_mm);
    *value = phantom->background;
    *label = 0;
    const struct shape *top = NULL;
    int labelled = 0;
    for (int n = phantom->shape_count - 1; n >= 0 && !labelled; n--) {
        const struct shape *shape = &phantom->shapes[n];
        if (!inside_ball(shape->ball, bent) || !inside(shape, bent))
            continue;
        top = top ? top : shape;
        labelled = shape->label != KEEP;
        *label = labelled ? shape->label : 0;
    }
    if (top)
        *value = top->value + top->texture * smooth_noise(phantom->seed + 21, p, 9) +
                 0.5 * top->texture * smooth_noise(phantom->seed + 22, p, 4);
}

static void place(const struct phantom *phantom, const double index[3], double p[3])
{
    for (int w = 0; w < 3; w++) {
        p[w] = phantom->centre_lps[w];
        for (int a = 0; a < 3; a++)
            p[w] += phantom->direction_lps[a][w] * phantom->spacing_mm[a] *
                    (index[a] - 0.5 * (phantom->dim[a] - 1));
    }
}

/* The mean of 2 x 2 x 2 places in the voxel; the label is that of the centre. */
static double sample(const struct phantom *phantom, const int ijk[3], int *label)
{
    double p[3], value, sum = 0;
    for (int part = 0; part < 8; part++) {
        double index[3] = {ijk[0] + (part & 1 ? 0.25 : -0.25), ijk[1] + (part & 2 ? 0.25 : -0.25),
                           ijk[2] + (part & 4 ? 0.25 : -0.25)};
        place(phantom, index, p);
        look_at(phantom, p, &value, label);
        sum += value;
    }
    double centre[3] = {ijk[0], ijk[1], ijk[2]};
    place(phantom, centre, p);
    look_at(phantom, p, &value, label);
    return sum / 8;
}

/* (1, 4, 1) / 6 along one axis: the scanner's blur. */
static void blur(double *line, const double *from, int n, long step)
{
    for (int x = 0; x < n; x++) {
        double before = from[(x > 0 ? x - 1 : x) * step],
               after = from[(x < n - 1 ? x + 1 : x) * step];
        line[x] = (before + 4 * from[x * step] + after) / 6;
    }
}

static int blur_in_plane(const struct phantom *phantom, double *values)
{
    long step[3] = {1, phantom->dim[0], (long)phantom->dim[0] * phantom->dim[1]};
    long voxels = step[2] * phantom->dim[2];
    for (int a = 0; a < 3; a++) {
        int n = phantom->dim[a];
        double *line = a == phantom->slice_axis ? NULL : malloc((size_t)n * sizeof *line);
        if (a == phantom->slice_axis)
            continue;
        if (!line)
            return -1;
        for (long v = 0; v < voxels; v++) {
            if (v / step[a] % n)
                continue;
            blur(line, values + v, n, step[a]);
            for (int x = 0; x < n; x++)
                values[v + x * step[a]] = line[x];
        }
        free(line);
    }
    return 0;
}

/* A slow brightening towards one side and the middle, as of a surface coil. */
static double bias_at(const struct phantom *phantom, const double index[3])
{
    double u[3];
    for (int a = 0; a < 3; a++)
        u[a] = 2 * index[a] / (phantom->dim[a] - 1) - 1;
    return 1 + phantom->bias * (0.8 * u[0] - 0.5 * u[2] + 0.4 * u[1] - 0.6 * u[0] * u[2]);
}

static int16_t stored(const struct phantom *phantom, double value, const int ijk[3], int64_t n)
{
    if (phantom->magnitude) {
        double index[3] = {ijk[0], ijk[1], ijk[2]};
        double real =
            value * bias_at(phantom, index) + phantom->noise * hash_normal(phantom->seed, n);
        double imaginary = phantom->noise * hash_normal(phantom->seed + 1, n);
        value = sqrt(real * real + imaginary * imaginary);
    } else {
        value += phantom->noise * hash_normal(phantom->seed, n);
    }
    value = floor(value - phantom->scl_inter + 0.5);
    return (int16_t)(value < 0 ? 0 : value > 4095 ? 4095 : value);
}

int phantom_scan(struct phantom *phantom, struct pictures *out)
{
    const int *dim = phantom->dim;
    size_t voxels = (size_t)dim[0] * (size_t)dim[1] * (size_t)dim[2];
    double *values = malloc(voxels * sizeof *values);
    for (int n = 0; n < phantom->shape_count; n++)
        surround(&phantom->shapes[n]);
    out->image = malloc(voxels * sizeof *out->image);
    out->truth = malloc(voxels);
    if (!values || !out->image || !out->truth)
        return free(values), -1;
#pragma omp parallel for schedule(dynamic)
    for (int k = 0; k < dim[2]; k++)
        for (int j = 0; j < dim[1]; j++)
            for (int i = 0; i < dim[0]; i++) {
                int label, ijk[3] = {i, j, k};
                size_t n = ((size_t)k * (size_t)dim[1] + (size_t)j) * (size_t)dim[0] + (size_t)i;
                values[n] = sample(phantom, ijk, &label);
                out->truth[n] = (uint8_t)label;
            }
    int failed = blur_in_plane(phantom, values);
    for (size_t n = 0; n < voxels; n++) {
        int ijk[3] = {(int)(n % (size_t)dim[0]), (int)(n / (size_t)dim[0] % (size_t)dim[1]),
                      (int)(n / (size_t)dim[0] / (size_t)dim[1])};
        out->image[n] = stored(phantom, values[n], ijk, (int64_t)n);
    }
    free(values);
    return failed;
}
