/* dicom/version.h - for --version. */
#ifndef DICOM_VERSION_H
#define DICOM_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* "DCMTK 3.6.7, OpenJPEG 2.5.0": DCMTK's is that of the headers; it cannot be asked. */
const char *dicom_libraries(void);

#ifdef __cplusplus
}
#endif

#endif
